//! Hears of connections for presence, and looks once more at their logins.

use std::sync::Arc;

use async_trait::async_trait;
use tidings::hub::{BindCause, Connection, Disconnect, Lifecycle};
use tidings::identity::{Identity, Revocations};
use tidings::join::attendance::Attendance;

use super::permission;
use crate::clock;

/// Hears of connections, and tells attendance those that have a login that counts.
///
/// A login may be revoked, or narrowed, while something that it permitted is being done. Whoever
/// revokes ends the connections that there are; whoever comes too late for that is found here.
#[derive(Debug)]
pub(super) struct Entrance {
    attendance: Attendance,
    revocations: Revocations,
}

impl Entrance {
    pub(super) fn new(attendance: Attendance, revocations: Revocations) -> Self {
        Self { attendance, revocations }
    }

    fn is_revoked(&self, connection: &Connection) -> bool {
        let identity = connection.data().get::<Identity>();
        identity.is_some_and(|identity| self.revocations.is_revoked(&identity, clock::now()))
    }
}

#[async_trait]
impl Lifecycle for Entrance {
    async fn connected(&self, connection: &Arc<Connection>) {
        // From here on the connection can be found. What was revoked before, between the door and
        // now, has not ended it.
        if self.is_revoked(connection) {
            connection.close(Disconnect::Revoked);
            return;
        }
        self.attendance.connected(connection).await;
    }

    async fn alive(&self, connection: &Arc<Connection>) {
        self.attendance.alive(connection).await;
    }

    async fn disconnected(&self, connection: &Arc<Connection>, reason: Disconnect, channels: &[Arc<str>]) {
        self.attendance.disconnected(connection, reason, channels).await;
    }

    fn bound(&self, connection: &Arc<Connection>, channel: &str, cause: BindCause) {
        // A refresh takes rights away, then the channels. A bind that was permitted before and done
        // behind that has slipped through; its client comes back at once with what it has now.
        if cause == BindCause::Client && !permission::may_bind(connection, channel) {
            connection.close(Disconnect::Expired);
        }
        self.attendance.bound(connection, channel, cause);
    }

    fn unbound(&self, connection: &Arc<Connection>, channel: &str, cause: BindCause) {
        self.attendance.unbound(connection, channel, cause);
    }
}
