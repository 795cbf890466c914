//! The program that logs people in for a tidings server: it makes the tokens that the server
//! believes.
//!
//! ```text
//! tidings keys --out keys
//! cargo run -p tidings --features identity --example token_login -- 127.0.0.1:8100 keys/signing.pem &
//! tidings --token-keys keys/verifying.pem &
//! TOKEN=$(curl -s --json '{"name":"alice","password":"wonderland"}' 127.0.0.1:8100/login)
//! curl -H "Authorization: Bearer $TOKEN" '127.0.0.1:8000/timeline/sync?member=alice'
//! xdg-open "http://127.0.0.1:8000/#token=$TOKEN"
//! ```
//!
//! The key that signs stays with this program. The server has the other half, with which nobody can
//! make a token.

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Result;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;
use tidings::identity::{Grants, NewToken, Signer};
use tokio::net::TcpListener;

/// How long a token is good for. A client asks for another one before it ends.
const TOKEN_TIME: Duration = Duration::from_secs(15 * 60);

/// Who there is. A program has a database for this, and no password in it as it is.
const PEOPLE: &[(&str, &str, &[&str])] =
    &[("alice", "wonderland", &["garden", "kitchen"]), ("bob", "builder", &["garden"])];

/// Answers with a token for a name and its password: this user, these rooms, this long.
async fn login(State(signer): State<Arc<Signer>>, Json(form): Json<Value>) -> Result<String> {
    let person =
        PEOPLE.iter().find(|(name, password, _)| form["name"] == *name && form["password"] == *password);
    let Some((name, _, rooms)) = person else { return Err(StatusCode::UNAUTHORIZED.into()) };
    let rooms = || rooms.iter().copied();
    let grants = Grants::default().bind(rooms()).write(rooms()).history(rooms());
    let token = NewToken::new(*name, wall_time(), TOKEN_TIME).grants(grants);
    Ok(signer.sign(&token).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?)
}

#[expect(clippy::disallowed_methods, reason = "a token says until when it is good")]
fn wall_time() -> SystemTime {
    SystemTime::now()
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(address), Some(key)) = (arguments.next(), arguments.next()) else {
        return Err("give an address to listen on and the file of the key that signs".into());
    };
    let signer = Arc::new(Signer::from_file(key, None)?);
    let app = Router::new().route("/login", post(login)).with_state(signer);
    let listener = TcpListener::bind(address).await?;
    writeln!(io::stdout(), "listening at {}", listener.local_addr()?)?;
    axum::serve(listener, app.into_make_service()).await?;
    Ok(())
}
