//! Accepts connections, whatever goes wrong with some of them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, counter, describe_counter};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::places::{Place, Places};
use crate::{Error, ErrorKind};

/// How long to wait when the system has no file descriptor, or no memory, left for us.
const EXHAUSTED: Duration = Duration::from_millis(200);

/// A socket that listens, and the places of those who come.
#[derive(Debug)]
pub(super) struct Listener {
    socket: TcpListener,
    places: Arc<Places>,
    refused: Counter,
}

impl Listener {
    pub(super) async fn bind(address: SocketAddr, connections_max: usize) -> Result<Self, Error> {
        let socket = TcpListener::bind(address).await.map_err(|fault| not_listening(address, fault))?;
        describe_counter!(
            "hub_listener_refused_total",
            "Connections closed because the hub's own server was answering requests on all that it may have."
        );
        let refused = counter!("hub_listener_refused_total");
        Ok(Self { socket, places: Places::new(connections_max), refused })
    }

    pub(super) fn local_addr(&self) -> Result<SocketAddr, Error> {
        self.socket.local_addr().map_err(|fault| {
            Error::with_source(
                ErrorKind::Unavailable,
                "the address of the listener cannot be asked for",
                fault,
            )
        })
    }

    /// Returns the next connection; a failure to accept one is never the end, and burns no core.
    pub(super) async fn next(&self) -> (TcpStream, SocketAddr, Place) {
        loop {
            match self.socket.accept().await {
                Ok((socket, peer)) => match self.places.take() {
                    Some(place) => return (socket, peer, place),
                    None => {
                        self.refused.increment(1);
                        tracing::debug!(%peer, "all places for connections are busy; a new one is closed");
                    }
                },
                Err(fault) if caused_by_the_peer(&fault) => {}
                Err(fault) => {
                    tracing::warn!(%fault, "connections cannot be accepted; those that are open go on");
                    self.places.make_room();
                    sleep(EXHAUSTED).await;
                }
            }
        }
    }
}

fn not_listening(address: SocketAddr, fault: io::Error) -> Error {
    let text = match fault.kind() {
        io::ErrorKind::AddrInUse => {
            format!("{address} is taken by another program; stop it or give another port")
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("{address} is not an address of this machine; give one that is")
        }
        io::ErrorKind::PermissionDenied => {
            format!("this user may not listen on {address}; give a port from 1024 on")
        }
        _ => format!("{address} cannot be listened on"),
    };
    Error::with_source(ErrorKind::Unavailable, text, fault)
}

fn caused_by_the_peer(fault: &io::Error) -> bool {
    matches!(
        fault.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset
    )
}
