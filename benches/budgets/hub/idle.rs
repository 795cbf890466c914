//! What an idle connection costs the server in memory.

use std::error::Error;
use std::time::Duration;

use benches::budget::Effort;
use futures_util::future::try_join_all;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use crate::client;
use crate::process::Server;

/// Connections that are made at the same time.
const AT_ONCE: u64 = 100;

/// Who connects.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// Nobody by name, with one bind.
    Anonymous,
    /// A user, with an inbox, and with one bind.
    User,
    /// The same with a token, on a server with logins.
    LoggedIn,
}

/// Returns the bytes of resident memory that each connection adds, once there are many.
///
/// It is the slope between two numbers of connections: what all share, and what tables keep in
/// advance, is in neither.
pub(crate) fn memory(server: &str, who: Who, effort: Effort) -> Result<f64, Box<dyn Error>> {
    let (few, many) = effort.pick((8_000, 16_000), (100, 300));
    let server = Server::start(server)?;
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let mut open = Vec::new();
        connect(&server, who, &mut open, few).await?;
        rest(who).await;
        let before = server.resident_bytes()?;
        connect(&server, who, &mut open, many).await?;
        rest(who).await;
        Ok((server.resident_bytes()? - before) / (many - few) as f64)
    })
}

/// Lets connections come to rest: what a login counts in its first moments is forgotten after 5 s.
async fn rest(who: Who) {
    if who == Who::LoggedIn {
        tokio::time::sleep(Duration::from_secs(6)).await;
    }
}

/// Connects until so many are open.
async fn connect(
    server: &Server,
    who: Who,
    open: &mut Vec<TcpStream>,
    count: u64,
) -> Result<(), Box<dyn Error>> {
    let path = |number| match who {
        Who::Anonymous | Who::LoggedIn => "/ws".to_owned(),
        Who::User => format!("/ws?user=user{number}"),
    };
    for first in (open.len() as u64..count).step_by(AT_ONCE.try_into()?) {
        let logins = (first..first + AT_ONCE).map(|number| server.login(&format!("user{number}")));
        let logins: Vec<String> = logins.collect::<Result<_, _>>()?;
        let connecting = (first..).zip(&logins).map(async |(number, login)| {
            client::connect(server.address, &path(number), login, &format!("channel {number}")).await
        });
        open.extend(try_join_all(connecting).await.map_err(|error| error as Box<dyn Error>)?);
    }
    Ok(())
}
