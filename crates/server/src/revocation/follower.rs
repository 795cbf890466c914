//! Closes the connections of the hub whose login was revoked.

use std::time::{Duration, SystemTime};

use tidings::hub::{Connection, Disconnect, Hub};
use tidings::identity::{Identity, Revocations};
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::supervisor::Supervisor;

/// How often entries that are over are removed, and counted again.
const TIDY: Duration = Duration::from_secs(60);

/// How many connections are looked at before other tasks have a turn.
const TOGETHER: usize = 1_000;

/// Has each connection closed within a moment of the revocation of its login.
pub(crate) fn follow(hub: &Hub, list: &Revocations, supervisor: &Supervisor) {
    let follower = RevocationFollower { hub: hub.clone(), list: list.clone() };
    let stop = supervisor.stop().clone();
    supervisor.keep("the follower of revocations", move || follower.clone().run(stop.clone()));
}

/// Closes a connection if its login was revoked, and returns whether it was.
///
/// Whoever gives a connection another identity calls it afterwards, as the follower may have gone
/// past it between the verification and then.
pub(crate) fn close_if_revoked(connection: &Connection, list: &Revocations, now: SystemTime) -> bool {
    let identity = connection.data().get::<Identity>();
    let is_revoked = identity.is_some_and(|identity| list.is_revoked(&identity, now));
    if is_revoked {
        connection.close(Disconnect::Revoked);
    }
    is_revoked
}

#[derive(Clone)]
struct RevocationFollower {
    hub: Hub,
    list: Revocations,
}

impl RevocationFollower {
    /// Goes through the connections at its start and after each change, and does nothing between.
    async fn run(self, stop: CancellationToken) {
        let mut changes = self.list.changes();
        let mut tidy = interval(TIDY);
        tidy.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // The order matters: a change from here on is one more pass.
            changes.borrow_and_update();
            self.pass().await;
            self.count();
            tokio::select! {
                () = stop.cancelled() => return,
                // The list outlives this task, which has it, so it never ends.
                _ = changes.changed() => {}
                () = self.tidy(&mut tidy) => {}
            }
        }
    }

    async fn pass(&self) {
        if self.list.is_empty() {
            return;
        }
        let (now, mut closed) = (clock::now(), 0_usize);
        for (number, connection) in self.hub.connections().enumerate() {
            closed += usize::from(close_if_revoked(&connection, &self.list, now));
            if (number + 1).is_multiple_of(TOGETHER) {
                tokio::task::yield_now().await;
            }
        }
        if closed > 0 {
            tracing::info!(closed, "connections were closed, as their logins were revoked");
        }
    }

    /// Removes now and then what is over. It never ends.
    async fn tidy(&self, ticks: &mut Interval) {
        loop {
            ticks.tick().await;
            self.list.remove_expired(clock::now());
            self.count();
        }
    }

    fn count(&self) {
        metrics::gauge!("tidings_revocations").set(self.list.len() as f64);
    }
}
