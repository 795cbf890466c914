//! A chat whose program decides who comes in, hears of them, and answers what they ask.
//!
//! ```text
//! cargo run -p conductor-hub --example hooked_chat -- 127.0.0.1:8000
//! ```
//!
//! | a client | and the program |
//! |---|---|
//! | connects to `/ws?token=wonderland` | knows by the token that it is alice; without a known one it answers 401 |
//! | binds to `room:tea` and writes there | sends that to all who are bound; other channels are closed |
//! | sends the Server message `who` | answers with the names of those who are there, in JSON |
//! | comes or goes | prints a line |

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use conductor_hub::protocol::{Message, MessageRef, Opcode};
use conductor_hub::{
    Admission, Answer, Auth, Config, Connection, Denied, Disconnect, Handler, Handshake, Hooks, Hub,
    Lifecycle,
};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Knows users by their tokens, and lets them into rooms alone.
struct Tokens(BTreeMap<&'static str, &'static str>);

#[async_trait]
impl Auth for Tokens {
    async fn admit(&self, handshake: &Handshake<'_>) -> Result<Admission, Denied> {
        let token = handshake.request.uri.query().and_then(|query| query.strip_prefix("token="));
        let user = token.and_then(|token| self.0.get(token)).ok_or_else(Denied::unauthorized)?;
        Ok(Admission::user(*user))
    }

    fn can_bind(&self, _connection: &Connection, message: MessageRef<'_>) -> bool {
        message.channel.starts_with("room:")
    }
}

/// Who is there, and how many connections each of them has.
#[derive(Default)]
struct People {
    connections: Mutex<BTreeMap<String, usize>>,
}

fn say(line: &str) {
    // Where this goes there is nobody left to tell if it fails.
    writeln!(io::stdout(), "{line}").ok();
}

#[async_trait]
impl Lifecycle for People {
    async fn connected(&self, connection: &Arc<Connection>) {
        let user = connection.user().unwrap_or_default();
        let first = {
            let mut connections = self.connections.lock();
            let count = connections.entry(user.to_owned()).or_default();
            *count += 1;
            *count == 1
        };
        if first {
            say(&format!("{user} came"));
        }
    }

    async fn disconnected(&self, connection: &Arc<Connection>, reason: Disconnect, _: &[Arc<str>]) {
        let user = connection.user().unwrap_or_default();
        let last = {
            let mut connections = self.connections.lock();
            let count = connections.entry(user.to_owned()).or_default();
            *count -= 1;
            let last = *count == 0;
            if last {
                connections.remove(user);
            }
            last
        };
        if last {
            say(&format!("{user} left: {reason}"));
        }
    }
}

/// Answers `who`.
struct Calls(Arc<People>);

impl Handler for Calls {
    fn call(&self, _connection: &Arc<Connection>, message: Message) -> Answer {
        if message.body != "who" {
            return Answer::none();
        }
        let names: Vec<_> = self.0.connections.lock().keys().map(|name| format!("{name:?}")).collect();
        // By the uuid the client knows which call is answered.
        let body = format!("[{}]", names.join(","));
        Message::with_uuid(Opcode::SERVER, message.uuid, "", body).into()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let people = Arc::new(People::default());
    let hooks = Hooks::default()
        .auth(Tokens(BTreeMap::from([("wonderland", "alice"), ("builder", "bob")])))
        .lifecycle(Arc::clone(&people))
        .handler(Calls(people));
    let hub = Hub::start(Config::default().connections_max(1_000), hooks)?;

    let app = Router::new().route_service("/ws", hub.clone());
    let listener = TcpListener::bind(address).await?;
    // Before the line below is printed: whoever reads it may interrupt the program at once.
    let mut interrupt = signal(SignalKind::interrupt())?;
    writeln!(io::stdout(), "listening at ws://{}/ws", listener.local_addr()?)?;
    tokio::select! {
        served = axum::serve(listener, app.into_make_service()) => served?,
        _ = interrupt.recv() => {}
    }
    // Clients are told to come back later, and get what is queued for them first.
    if !hub.shutdown(Duration::from_secs(10)).await {
        return Err("some connections did not end within 10 s".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use conductor_hub::test_util::{self, TestClient};

    use super::*;

    #[tokio::test]
    async fn who_names_everybody_who_is_there_once() {
        let people = Arc::new(People::default());
        let calls = Calls(Arc::clone(&people));
        let hub = test_util::hub(Hooks::default());
        let connect = |user: &str| TestClient::connect(&hub, Admission::user(user)).unwrap();
        let (mut alice, bob, tab) = (connect("alice"), connect("bob"), connect("alice"));
        for client in [&alice, &bob, &tab] {
            people.connected(client.connection()).await;
        }
        let question = Message::new(Opcode::SERVER, "", "who");
        let answer = calls.call(alice.connection(), question.clone());
        let names = Message::with_uuid(Opcode::SERVER, question.uuid, "", r#"["alice","bob"]"#);
        assert_eq!(test_util::messages_of(answer).collect::<Vec<_>>(), [names]);
        let answer = calls.call(bob.connection(), Message::new(Opcode::SERVER, "", "what"));
        assert_eq!(test_util::messages_of(answer).count(), 0);
        // Whoever comes or goes is told to nobody.
        assert!(alice.received().is_empty());
    }

    #[tokio::test]
    async fn who_has_a_known_token_comes_in_under_its_name() {
        let hub = test_util::hub(Hooks::default());
        let tokens = Tokens(BTreeMap::from([("wonderland", "alice")]));
        for (address, user) in [("/ws?token=wonderland", Some("alice")), ("/ws?token=x", None), ("/ws", None)]
        {
            let (request, ()) = http::Request::get(address).body(()).unwrap().into_parts();
            let admitted = tokens.admit(&test_util::handshake(&hub, &request)).await;
            assert_eq!(admitted.ok().and_then(|admission| admission.user).as_deref(), user, "{address}");
        }
    }
}
