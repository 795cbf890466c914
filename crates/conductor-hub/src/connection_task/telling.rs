//! What the task of a connection tells the lifecycle hook of its channels.
//!
//! ```text
//! connected ─► bound (Admission) ─► bound, unbound (Client, Server) ─► unbound (End) ─► disconnected
//! ```
//!
//! The client's own requests are told where they are routed, see `router.rs`; what the program has
//! changed waits until the task is woken for it. Of a connection that awaits its login nothing is
//! told before that has come.

use std::sync::Arc;
use std::task::Context;

use super::ConnectionTask;
use crate::guard::{self, guarded, guarded_hook};
use crate::shared::Shared;
use crate::{BindCause, Disconnect};

/// Changes that are told before others have a turn on this thread.
const CHANGES_IN_TURN: usize = 64;

impl<S> ConnectionTask<S> {
    /// Tells of the channels of the admission. A panic of the hook ends the connection.
    pub(super) fn introduce(&mut self, hub: &Shared) {
        for channel in self.connection.introduce() {
            // The others are told all the same: each of them is told of again at the end.
            if !self.told(hub, &channel, true, BindCause::Admission) {
                self.ended = Some(guard::report(self.connection.id()));
            }
        }
    }

    /// Tells of what the program has changed, so many at a time.
    ///
    /// Called when the waker of the task is where whoever changes something finds it.
    pub(super) fn tell_changes(&self, hub: &Shared, cx: &Context<'_>) {
        for _ in 0..CHANGES_IN_TURN {
            let Some(change) = self.connection.next_change() else { return };
            hub.hooks.tell(&self.connection, &change.channel, change.bound, change.cause);
        }
        // There may be more. A hook may also change something each time it is told of a change.
        cx.waker().wake_by_ref();
    }

    /// Tells of the end, if the hook was told of the beginning.
    ///
    /// Called when the connection has left the hub, so that nothing is changed any more.
    pub(super) async fn tell_end(&mut self, hub: &Shared, reason: Disconnect) {
        let connection = Arc::clone(&self.connection);
        if !self.is_told {
            if connection.is_awaiting_login() {
                return;
            }
            // Its login came at the same time as its end, and is told of like any other.
            self.is_told = true;
            if guarded_hook(hub.hooks.lifecycle.connected(&connection)).await.is_err() {
                guard::report(connection.id());
            }
            self.introduce(hub);
        }
        // The order matters: whatever was changed before the end is told before it.
        let channels = self.tell_last_changes(hub);
        if guarded_hook(hub.hooks.lifecycle.disconnected(&connection, reason, &channels)).await.is_err() {
            // The reason of the end is decided already, so the panic is only logged.
            guard::report(connection.id());
        }
    }

    /// Tells of what is left to tell, and that the end has unbound it; returns from which channels.
    fn tell_last_changes(&self, hub: &Shared) -> Vec<Arc<str>> {
        let mut panicked = false;
        while let Some(change) = self.connection.next_change() {
            panicked |= !self.told(hub, &change.channel, change.bound, change.cause);
        }
        let channels = self.connection.channels_at_end();
        for channel in &channels {
            panicked |= !self.told(hub, channel, false, BindCause::End);
        }
        if panicked {
            // The reason of the end is decided already, so the panic is only logged.
            guard::report(self.connection.id());
        }
        channels
    }

    /// Tells of one change; `false` if the hook panicked.
    fn told(&self, hub: &Shared, channel: &str, bound: bool, cause: BindCause) -> bool {
        guarded(|| hub.hooks.tell(&self.connection, channel, bound, cause)).is_ok()
    }
}
