//! Taking a port, with an error that says what is in the way, and accepting what comes.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::anyhow;
use tokio::net::{TcpListener, TcpStream};

/// How long to wait when the system has no file descriptor left for us.
const EXHAUSTED: Duration = Duration::from_millis(200);

/// Takes `address` for what the key `name` sets.
pub(crate) async fn bind(name: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            anyhow!("--{name}: {address} is taken by another program; stop it or give another port")
        }
        io::ErrorKind::AddrNotAvailable => anyhow!("--{name}: {address} is not an address of this machine"),
        io::ErrorKind::PermissionDenied => {
            anyhow!("--{name}: {address} needs more rights; give a port from 1024 on")
        }
        _ => anyhow!("--{name}: {address} cannot be listened on: {error}"),
    })
}

/// Bounds what a peer that does not read can hold on to: an answer that it does not take for so long is dropped.
#[cfg(target_os = "linux")]
pub(crate) fn drop_unread_after(stream: &TcpStream, time: Duration) -> io::Result<()> {
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(time))
}

/// Elsewhere the system's own limits count.
#[cfg(not(target_os = "linux"))]
pub(crate) fn drop_unread_after(_stream: &TcpStream, _time: Duration) -> io::Result<()> {
    Ok(())
}

/// The next connection; a failure to accept one is never the end.
pub(crate) async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%error, "connection was gone before it was served");
                    continue;
                }
                return stream;
            }
            Err(error) if caused_by_the_peer(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections; trying again");
                tokio::time::sleep(EXHAUSTED).await;
            }
        }
    }
}

fn caused_by_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
    )
}
