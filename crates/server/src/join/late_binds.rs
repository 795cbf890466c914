//! Binds that were permitted before a refresh, and done behind it.

use std::sync::Arc;

use async_trait::async_trait;
use tidings::hub::{BindCause, Connection, Disconnect, Lifecycle};

use super::permission;

/// Closes a connection that has bound what its login does not permit any more, and passes
/// everything on to another hook.
///
/// A refresh takes rights away first, then the channels that are not permitted by those that are
/// left. A bind that was permitted before and is done behind both has slipped through; it is told
/// here, which comes behind it. Its client comes back at once, with what it has now.
#[derive(Debug)]
pub(super) struct LateBinds<L>(pub(super) L);

#[async_trait]
impl<L: Lifecycle> Lifecycle for LateBinds<L> {
    async fn connected(&self, connection: &Arc<Connection>) {
        self.0.connected(connection).await;
    }

    async fn alive(&self, connection: &Arc<Connection>) {
        self.0.alive(connection).await;
    }

    async fn disconnected(&self, connection: &Arc<Connection>, reason: Disconnect, channels: &[Arc<str>]) {
        self.0.disconnected(connection, reason, channels).await;
    }

    fn bound(&self, connection: &Arc<Connection>, channel: &str, cause: BindCause) {
        // One that the refresh has found and taken away is told late, and nothing slipped through.
        let is_new = cause == BindCause::Client && connection.is_bound(channel);
        if is_new && !permission::may_bind(connection, channel) {
            connection.close(Disconnect::Expired);
        }
        self.0.bound(connection, channel, cause);
    }

    fn unbound(&self, connection: &Arc<Connection>, channel: &str, cause: BindCause) {
        self.0.unbound(connection, channel, cause);
    }
}
