//! A chat in which nobody says more than ten things a minute, through however many connections.
//!
//! ```text
//! cargo run -p conductor-hub --example throttled_chat -- 127.0.0.1:8000
//! ```
//!
//! | a client | and the program |
//! |---|---|
//! | connects to `/ws?user=alice` | takes its word for it that it is alice |
//! | says its eleventh thing in a minute | closes the connection with code 4102 |

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use conductor_hub::protocol::Opcode;
use conductor_hub::{
    Admission, Auth, Config, Connection, Denied, Handshake, Hooks, Hub, RateExceeded, Throttle,
};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);

/// Things that a user may say in a minute.
const SAID_MAX: u32 = 10;

/// Believes whoever says a name.
struct Believes;

#[async_trait]
impl Auth for Believes {
    async fn admit(&self, handshake: &Handshake<'_>) -> Result<Admission, Denied> {
        let name = handshake.request.uri.query().and_then(|query| query.strip_prefix("user="));
        name.map(Admission::user).ok_or_else(Denied::unauthorized)
    }
}

/// How much each user has said, and since when that is counted.
#[derive(Default)]
struct Said(Mutex<BTreeMap<String, (Instant, u32)>>);

impl Throttle for Said {
    fn take(&self, connection: &Connection, opcode: Opcode, _bytes: usize) -> Result<(), RateExceeded> {
        if opcode != Opcode::WRITE {
            return Ok(());
        }
        let now = Instant::now();
        let mut users = self.0.lock();
        // Whose minute is over is forgotten, so that this does not grow with all who ever came.
        users.retain(|_, (since, _)| now < *since + MINUTE);
        let user = connection.user().unwrap_or_default().to_owned();
        let (since, said) = users.entry(user).or_insert((now, 0));
        *said += 1;
        if *said > SAID_MAX { Err(RateExceeded { retry_after: *since + MINUTE - now }) } else { Ok(()) }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let hooks = Hooks::default().auth(Believes).throttle(Said::default());
    let hub = Hub::start(Config::default(), hooks)?;

    let app = Router::new().route_service("/ws", hub.clone());
    let listener = TcpListener::bind(address).await?;
    // Before the line below is printed: whoever reads it may interrupt the program at once.
    let mut interrupt = signal(SignalKind::interrupt())?;
    writeln!(io::stdout(), "listening at ws://{}/ws", listener.local_addr()?)?;
    tokio::select! {
        served = axum::serve(listener, app.into_make_service()) => served?,
        _ = interrupt.recv() => {}
    }
    if !hub.shutdown(Duration::from_secs(10)).await {
        return Err("some connections did not end within 10 s".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use conductor_hub::test_util::{self, TestClient};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_user_has_ten_things_a_minute_over_all_connections() {
        let hub = test_util::hub(Hooks::default());
        let connect = |user: &str| TestClient::connect(&hub, Admission::user(user)).unwrap();
        let (alice, tab, bob) = (connect("alice"), connect("alice"), connect("bob"));
        let said = Said::default();
        for number in 0..SAID_MAX {
            let client = if number % 2 == 0 { &alice } else { &tab };
            said.take(client.connection(), Opcode::WRITE, 10).unwrap();
        }
        tokio::time::advance(MINUTE / 4).await;
        let too_much = said.take(tab.connection(), Opcode::WRITE, 10).unwrap_err();
        assert_eq!(too_much.retry_after, MINUTE / 4 * 3);
        said.take(tab.connection(), Opcode::BIND, 10).unwrap();
        said.take(bob.connection(), Opcode::WRITE, 10).unwrap();
        tokio::time::advance(too_much.retry_after).await;
        said.take(alice.connection(), Opcode::WRITE, 10).unwrap();
    }
}
