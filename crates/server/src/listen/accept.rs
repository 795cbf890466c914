//! The loop of every listener, which never ends.
//!
//! It accepts connections and finds places for them.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};

use super::drop_unread_after;
use super::permits::{ConnectionPermit, ConnectionPermits};

/// How long to wait when the system has no file descriptor, or no memory, left for us.
const EXHAUSTED: Duration = Duration::from_millis(200);

/// A listener and its permits; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct LimitedListener {
    /// `None` once it is closed. To drop a clone would not close it, as the supervisor keeps one.
    listener: Arc<Mutex<Option<Arc<TcpListener>>>>,
    permits: ConnectionPermits,
    /// What a peer that acknowledges nothing may hold on to.
    unread: Duration,
}

impl LimitedListener {
    pub(crate) fn new(listener: TcpListener, permits: ConnectionPermits, unread: Duration) -> Self {
        Self { listener: Arc::new(Mutex::new(Some(Arc::new(listener)))), permits, unread }
    }

    /// Accepts no more connections.
    pub(crate) fn close(&self) {
        // Who is waiting in `accept` keeps the socket open, by a clone, until that wait is dropped.
        self.listener.lock().take();
    }

    /// The next connection; none ever comes after [`close`](Self::close). A failure to accept one
    /// is never the end, and burns no core: the oldest idle connection makes room.
    pub(crate) async fn next(&self) -> (TcpStream, ConnectionPermit) {
        // A clone, so that the lock is not held while this waits for a connection.
        let listener = self.listener.lock().clone();
        let Some(listener) = listener else { return pending().await };
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let prepared =
                        stream.set_nodelay(true).and_then(|()| drop_unread_after(&stream, self.unread));
                    match (prepared, self.permits.take()) {
                        (Ok(()), Some(permit)) => return (stream, permit),
                        (Ok(()), None) => {
                            tracing::debug!("all places for connections are busy; a new one is dropped");
                        }
                        (Err(error), _) => {
                            tracing::debug!(%error, "a connection was gone before it was served");
                        }
                    }
                }
                Err(error) if caused_by_the_peer(&error) => {}
                Err(error) => {
                    self.permits.shut().note(&error);
                    self.permits.close_the_idlest();
                    tokio::time::sleep(EXHAUSTED).await;
                }
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
