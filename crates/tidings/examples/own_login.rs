//! A hub with an `Auth` of one's own: sessions of the program, kept with each connection.
//!
//! ```text
//! cargo run -p tidings --example own_login -- 127.0.0.1:8000
//! curl --json '{"name":"alice"}' 127.0.0.1:8000/login
//! ```
//!
//! | a client | and the program |
//! |---|---|
//! | posts its name to `/login` | answers with the key of a session, good for 15 minutes |
//! | connects to `/ws?KEY` | finds the session, and keeps it with the connection |
//! | writes to a channel that begins with `news:` | lets it pass from the one editor, alice, and from nobody else |
//! | posts its key to `/logout` | closes the connections of that session; their clients do not come back |

use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;
use tidings::hub::protocol::{Message, MessageRef};
use tidings::hub::{self, Admission, Auth, Connection, Denied, Disconnect, Handshake, Hooks, Hub};
use tokio::net::TcpListener;

const SESSION_TIME: Duration = Duration::from_secs(15 * 60);

/// The end that clients hear of who log out.
const LOGGED_OUT: u16 = 4_900;

/// Somebody who has logged in. A program has a database for this.
#[derive(Clone)]
struct Session {
    key: String,
    user: String,
    is_editor: bool,
    ends: Instant,
}

#[derive(Clone, Default)]
struct Sessions(Arc<Mutex<HashMap<String, Session>>>);

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, user: &str) -> String {
        // Nobody guesses a random key. The uuid of a message is one.
        let key = Message::new(hub::protocol::Opcode::SERVER, "", "").uuid;
        let session = Session {
            key: key.clone(),
            user: user.to_owned(),
            is_editor: user == "alice",
            ends: Instant::now() + SESSION_TIME,
        };
        let mut sessions = self.lock();
        // What is over is forgotten, so that the table does not grow for ever.
        sessions.retain(|_, session| session.ends > Instant::now());
        sessions.insert(key.clone(), session);
        key
    }
}

#[async_trait]
impl Auth for Sessions {
    async fn admit(&self, handshake: &Handshake<'_>) -> Result<Admission, Denied> {
        let key = handshake.request.uri.query().unwrap_or_default();
        let session = self.lock().get(key).cloned().ok_or_else(Denied::unauthorized)?;
        // The hub closes the connection when the session ends. Hooks find the session in its data.
        Ok(Admission::user(session.user.as_str()).expires_at(session.ends).data(session))
    }

    fn can_write(&self, connection: &Connection, message: MessageRef<'_>) -> bool {
        let is_editor = || connection.data().get::<Session>().is_some_and(|session| session.is_editor);
        connection.is_bound(message.channel) && (!message.channel.starts_with("news:") || is_editor())
    }
}

#[derive(Clone)]
struct Doors {
    sessions: Sessions,
    hub: Hub,
}

/// Believes the name. A program asks for a password here.
async fn login(State(doors): State<Doors>, Json(form): Json<Value>) -> Result<String, StatusCode> {
    let name = form["name"].as_str().filter(|name| !name.is_empty()).ok_or(StatusCode::BAD_REQUEST)?;
    Ok(doors.sessions.begin(name))
}

async fn logout(State(doors): State<Doors>, key: String) -> StatusCode {
    let Some(session) = doors.sessions.lock().remove(&key) else { return StatusCode::NOT_FOUND };
    let Ok(reason) = Disconnect::program(LOGGED_OUT, "logged out") else {
        return StatusCode::INTERNAL_SERVER_ERROR;
    };
    // The session is gone first, so that nobody connects with it in between.
    for connection in doors.hub.connections_of(&session.user) {
        if connection.data().get::<Session>().is_some_and(|own| own.key == key) {
            connection.close(reason);
        }
    }
    StatusCode::NO_CONTENT
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let sessions = Sessions::default();
    let hub = Hub::start(hub::Config::default(), Hooks::default().auth(sessions.clone()))?;
    let app = Router::new()
        .route("/login", post(login))
        .route("/logout", post(logout))
        .with_state(Doors { sessions, hub: hub.clone() })
        .route_service("/ws", hub);
    let listener = TcpListener::bind(address).await?;
    writeln!(io::stdout(), "listening at {}", listener.local_addr()?)?;
    axum::serve(listener, app.into_make_service()).await?;
    Ok(())
}
