//! The hook that hears of connections.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{Connection, Disconnect};

/// Hears of connections as they come, live and go.
///
/// For one connection the calls come one after another: `connected`, then any
/// number of the others, then `disconnected`, exactly once, also when the hub
/// shuts down. Different connections call at the same time. The connection waits
/// for the asynchronous ones, so a slow hook slows that connection alone.
/// `()` listens to nothing.
#[async_trait]
#[expect(unused_variables, reason = "the names are for implementors")]
pub trait Lifecycle: Send + Sync {
    /// A client has connected; it is bound to the channels of its admission.
    async fn connected(&self, connection: &Arc<Connection>) {}

    /// The client has shown that it is still there.
    ///
    /// Comes at least once every `ping_interval + pong_timeout` of the
    /// [`Config`](crate::Config) while the connection lives.
    async fn alive(&self, connection: &Arc<Connection>) {}

    /// The connection has ended; it is bound to nothing and gets nothing more.
    async fn disconnected(&self, connection: &Arc<Connection>, reason: Disconnect) {}

    /// The client was bound to a channel by its own request.
    ///
    /// This must not block.
    fn bound(&self, connection: &Arc<Connection>, channel: &str) {}

    /// The client was unbound from a channel by its own request.
    ///
    /// This must not block.
    fn unbound(&self, connection: &Arc<Connection>, channel: &str) {}
}

impl Lifecycle for () {}

/// Tells the hook that it shares.
#[async_trait]
impl<L: Lifecycle + ?Sized> Lifecycle for Arc<L> {
    async fn connected(&self, connection: &Arc<Connection>) {
        (**self).connected(connection).await;
    }

    async fn alive(&self, connection: &Arc<Connection>) {
        (**self).alive(connection).await;
    }

    async fn disconnected(&self, connection: &Arc<Connection>, reason: Disconnect) {
        (**self).disconnected(connection, reason).await;
    }

    fn bound(&self, connection: &Arc<Connection>, channel: &str) {
        (**self).bound(connection, channel);
    }

    fn unbound(&self, connection: &Arc<Connection>, channel: &str) {
        (**self).unbound(connection, channel);
    }
}
