//! What an idle connection costs the server in memory.

use std::error::Error;
use std::time::Duration;

use benches::budget::Effort;
use futures_util::future::{BoxFuture, try_join_all};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::client::Fault;
use crate::process::Server;
use crate::{client, tls};

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
    /// Nobody by name, over TLS.
    Secure,
}

/// Clients that stay connected, as tasks that read and answer pings.
type Staying = JoinSet<Result<(), Fault>>;

/// Returns the bytes of resident memory that each connection adds, once there are many.
///
/// It is the slope between two numbers of connections: what all share, and what tables keep in
/// advance, is in neither.
pub(crate) fn memory(server: &str, who: Who, effort: Effort) -> Result<f64, Box<dyn Error>> {
    // A handshake of TLS costs both sides so much that there are fewer.
    let full = if who == Who::Secure { (4_000, 10_000) } else { (8_000, 16_000) };
    let (few, many) = effort.pick(full, (100, 300));
    let server = Server::start(server)?;
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let mut open = Staying::new();
        connect(&server, who, &mut open, few).await?;
        rest(who).await;
        let before = server.process.resident_bytes()?;
        connect(&server, who, &mut open, many).await?;
        rest(who).await;
        let after = server.process.resident_bytes()?;
        // One that has gone would count as one that costs nothing.
        match open.try_join_next() {
            None => Ok((after - before) / (many - few) as f64),
            Some(Ok(Err(fault))) => Err(fault as Box<dyn Error>),
            Some(Ok(Ok(()))) => Err("a client has left".into()),
            Some(Err(panicked)) => Err(panicked.into()),
        }
    })
}

/// Lets connections come to rest: what a login counts in its first moments is forgotten after 5 s.
async fn rest(who: Who) {
    if who == Who::LoggedIn {
        tokio::time::sleep(Duration::from_secs(6)).await;
    }
}

/// Connects until so many are open.
async fn connect(server: &Server, who: Who, open: &mut Staying, count: u64) -> Result<(), Box<dyn Error>> {
    let path = |number| match who {
        Who::Anonymous | Who::LoggedIn | Who::Secure => "/ws".to_owned(),
        Who::User => format!("/ws?user=user{number}"),
    };
    let connector = (who == Who::Secure).then(|| server.connector()).transpose()?;
    for first in (open.len() as u64..count).step_by(AT_ONCE.try_into()?) {
        let logins = (first..first + AT_ONCE).map(|number| server.login(&format!("user{number}")));
        let logins: Vec<String> = logins.collect::<Result<_, _>>()?;
        let connecting = (first..).zip(&logins).map(async |(number, login)| {
            let (path, channel) = (path(number), format!("channel {number}"));
            let staying: BoxFuture<'static, Result<(), Fault>> = match &connector {
                Some(connector) => Box::pin(client::stay(secure(server, connector, &path, &channel).await?)),
                None => {
                    Box::pin(client::stay(client::connect(server.address, &path, login, &channel).await?))
                }
            };
            Ok::<_, Fault>(staying)
        });
        for staying in try_join_all(connecting).await.map_err(|error| error as Box<dyn Error>)? {
            open.spawn(staying);
        }
    }
    Ok(())
}

/// Connects over TLS.
async fn secure(
    server: &Server,
    connector: &TlsConnector,
    path: &str,
    channel: &str,
) -> Result<TlsStream<TcpStream>, Fault> {
    let socket = TcpStream::connect(server.address).await?;
    let mut socket = connector.connect(ServerName::try_from(tls::NAME)?, socket).await?;
    client::greet(&mut socket, server.address, path, "", channel).await?;
    Ok(socket)
}
