//! The hook that hears of connections.

#[cfg(feature = "sisters")]
use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;

#[cfg(feature = "sisters")]
use crate::federation::NodeId;
use crate::{BindCause, Connection, Disconnect};

/// Hears of connections as they come, live and go.
///
/// For one connection the calls come one after another, from its own task: `connected`, then
/// `bound` for each channel of its admission, then any number of the others, then `unbound` for
/// each channel that it still has, then `disconnected`, exactly once, also when the hub shuts down.
/// For each channel `bound` and `unbound` come in turns, whoever changes it. Different connections
/// call at the same time. The connection waits for the asynchronous ones, so a slow hook slows that
/// connection alone. One whose login is over meanwhile gets nothing more, and its close frame when
/// the hook is done. `()` listens to nothing.
///
/// Of a connection that [awaits its login](crate::Admission::awaiting_login) nothing is told before
/// that: `connected` comes with the login, before any further message of the client is routed, and
/// if there never is one, `disconnected` does not come either.
///
/// What the program changes by [`Hub::bind`](crate::Hub::bind) and
/// [`Hub::unbind`](crate::Hub::unbind), from any thread, has happened when those return, and is
/// told later. A change that is taken back before it could be told is not told.
#[async_trait]
#[expect(unused_variables, reason = "the names are for implementors")]
pub trait Lifecycle: Send + Sync {
    /// A client has connected; it is bound to the channels of its admission.
    ///
    /// Or it has logged in, and is bound to those of its login, too.
    async fn connected(&self, connection: &Arc<Connection>) {}

    /// The client has shown that it is still there.
    ///
    /// Comes at least once every `ping_interval + pong_timeout` of the
    /// [`Config`](crate::Config) while the connection lives.
    async fn alive(&self, connection: &Arc<Connection>) {}

    /// The connection has ended; it is bound to nothing and gets nothing more.
    ///
    /// `channels` are those that it was bound to until then, in no particular order.
    async fn disconnected(&self, connection: &Arc<Connection>, reason: Disconnect, channels: &[Arc<str>]) {}

    /// The connection was bound to a channel.
    ///
    /// This must not block.
    fn bound(&self, connection: &Arc<Connection>, channel: &str, cause: BindCause) {}

    /// The connection was unbound from a channel.
    ///
    /// This must not block.
    fn unbound(&self, connection: &Arc<Connection>, channel: &str, cause: BindCause) {}

    /// What clients of another node write comes from this number on.
    ///
    /// It has begun, or was not heard of for a while; what it wrote before is not here. This and
    /// the two below come one after another, and must not block.
    #[cfg(feature = "sisters")]
    #[cfg_attr(docsrs, doc(cfg(feature = "sisters")))]
    fn sister_found(&self, origin: NodeId, first: u64) {}

    /// Rows of messages of another node are missing here.
    ///
    /// These are their numbers. They do not come any more; what is behind them does. Each is told
    /// once, at the latest a second after links work again.
    #[cfg(feature = "sisters")]
    #[cfg_attr(docsrs, doc(cfg(feature = "sisters")))]
    fn sister_gap(&self, origin: NodeId, missing: RangeInclusive<u64>) {}

    /// Nothing has come from another node for 10 s, by whatever way.
    #[cfg(feature = "sisters")]
    #[cfg_attr(docsrs, doc(cfg(feature = "sisters")))]
    fn sister_lost(&self, origin: NodeId) {}
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

    async fn disconnected(&self, connection: &Arc<Connection>, reason: Disconnect, channels: &[Arc<str>]) {
        (**self).disconnected(connection, reason, channels).await;
    }

    fn bound(&self, connection: &Arc<Connection>, channel: &str, cause: BindCause) {
        (**self).bound(connection, channel, cause);
    }

    fn unbound(&self, connection: &Arc<Connection>, channel: &str, cause: BindCause) {
        (**self).unbound(connection, channel, cause);
    }

    #[cfg(feature = "sisters")]
    fn sister_found(&self, origin: NodeId, first: u64) {
        (**self).sister_found(origin, first);
    }

    #[cfg(feature = "sisters")]
    fn sister_gap(&self, origin: NodeId, missing: RangeInclusive<u64>) {
        (**self).sister_gap(origin, missing);
    }

    #[cfg(feature = "sisters")]
    fn sister_lost(&self, origin: NodeId) {
        (**self).sister_lost(origin);
    }
}
