//! Connections that say nothing.

use std::net::SocketAddr;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::Failure;

/// Takes as many descriptors as this program may have.
pub(crate) fn raise_limit() -> Result<(), Failure> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?;
    if limit.maximum.is_some_and(|maximum| maximum < 3 * SILENT as u64) {
        return Err(format!("this program needs {} descriptors; raise `ulimit -Hn`", 3 * SILENT).into());
    }
    Ok(())
}

/// More silent connections than the server has descriptors; gone when dropped.
pub(crate) struct Crowd {
    _connections: Vec<TcpStream>,
}

impl Crowd {
    pub(crate) async fn come(ports: [SocketAddr; 2]) -> Self {
        let mut connections = Vec::new();
        for number in 0..SILENT {
            // Beyond what the kernel queues for a server that does not accept they wait for
            // nothing.
            match timeout(PATIENCE, TcpStream::connect(ports[number % 2])).await {
                Ok(Ok(connection)) => connections.push(connection),
                _ => break,
            }
        }
        Self { _connections: connections }
    }
}

/// The server has 1,024 descriptors.
const SILENT: usize = 1_100;
const PATIENCE: Duration = Duration::from_millis(200);
