//! Connections: how they are made, and how Redis is told who we are.

mod ask;
mod dialer;
mod login;
#[cfg_attr(not(feature = "tls"), path = "no_tls.rs")]
mod tls;

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use redis::ConnectionInfo;
use tokio::io::{AsyncRead, AsyncWrite};

pub(crate) use self::ask::ask;
pub(crate) use self::dialer::Dialer;

/// A byte stream to Redis.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// A connection in the making.
pub type Connecting = Pin<Box<dyn Future<Output = io::Result<Box<dyn Transport>>> + Send>>;

/// Anything that makes connections.
///
/// A closure that returns a future of a byte stream does, for one. The stream is logged in already
/// if it has to be; it is used with whatever protocol it speaks.
pub trait Connect: Send + Sync + 'static {
    /// Begins to make a connection.
    ///
    /// The future is dropped when it takes too long.
    fn connect(&self) -> Connecting;
}

impl<F, C, T> Connect for F
where
    F: Fn() -> C + Send + Sync + 'static,
    C: Future<Output = io::Result<T>> + Send + 'static,
    T: Transport + 'static,
{
    fn connect(&self) -> Connecting {
        boxed(self())
    }
}

/// Anything that makes connections to the nodes of a cluster.
///
/// A closure that takes host and port and returns a future of a byte stream, for one.
/// The stream is logged in already if it has to be; it is used with whatever protocol it speaks.
pub trait ConnectNode: Send + Sync + 'static {
    /// Begins to make a connection to a node.
    ///
    /// The cluster knows the node by this address. The future is dropped when it takes too long.
    fn connect_node(&self, host: &str, port: u16) -> Connecting;
}

impl<F, C, T> ConnectNode for F
where
    F: Fn(String, u16) -> C + Send + Sync + 'static,
    C: Future<Output = io::Result<T>> + Send + 'static,
    T: Transport + 'static,
{
    fn connect_node(&self, host: &str, port: u16) -> Connecting {
        boxed(self(host.to_owned(), port))
    }
}

fn boxed<T: Transport + 'static>(
    connecting: impl Future<Output = io::Result<T>> + Send + 'static,
) -> Connecting {
    Box::pin(async move { Ok(Box::new(connecting.await?) as Box<dyn Transport>) })
}

/// Where connections come from.
#[derive(Clone)]
pub(crate) enum Endpoint {
    Info(Box<ConnectionInfo>),
    Function(Arc<dyn Connect>),
    Node { host: String, port: u16, connect: Arc<dyn ConnectNode> },
}
