//! Takes a port, with an error that says what is in the way, and accepts.

mod accept;
mod body;
mod body_memory;
mod flow;
mod gate;
mod permits;
mod recent_bytes;
mod tracked_body;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::anyhow;
use tokio::net::{TcpListener, TcpStream};

pub(crate) use self::accept::LimitedListener;
pub(crate) use self::body_memory::BodyMemory;
pub(crate) use self::gate::{follow, gate};
pub(crate) use self::permits::{ConnectionHandle, ConnectionPermit, ConnectionPermits, Timeouts};

/// Listens on `address`, which the key `name` sets.
pub(crate) async fn bind(name: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            anyhow!("--{name}: {address} is taken by another program; stop it or give another port")
        }
        io::ErrorKind::AddrNotAvailable => {
            anyhow!("--{name}: {address} is not an address of this machine; give one that is")
        }
        io::ErrorKind::PermissionDenied => {
            anyhow!("--{name}: this user may not listen on {address}; give a port from 1024 on")
        }
        _ => anyhow!("--{name}: {address} cannot be listened on: {error}"),
    })
}

/// Bounds what a peer that does not read can hold on to: an answer that it does not take for so
/// long is dropped.
#[cfg(target_os = "linux")]
pub(crate) fn drop_unread_after(stream: &TcpStream, time: Duration) -> io::Result<()> {
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(time))
}

/// Elsewhere the system's own limits count.
#[cfg(not(target_os = "linux"))]
pub(crate) fn drop_unread_after(_stream: &TcpStream, _time: Duration) -> io::Result<()> {
    Ok(())
}
