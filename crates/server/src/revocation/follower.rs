//! Closes the connections of the hub whose login was revoked.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tidings::hub::{Connection, Disconnect, Hub};
use tidings::identity::{Identity, Revocations};
use tidings::presence::Presence;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::supervisor::Supervisor;

/// How often entries that are over are removed, and counted again.
const TIDY: Duration = Duration::from_secs(60);

/// How many connections are looked at before other tasks have a turn.
const TOGETHER: usize = 1_000;

/// Has each connection closed within a moment of the revocation of its login.
///
/// `presence` is given where this server alone knows who is online. A user of whom no connection is
/// left is offline there at once, as nobody waits for somebody to come back who was sent away. With
/// several servers none of them knows what the others have, so the grace time has to pass.
pub(crate) fn follow(hub: &Hub, list: &Revocations, presence: Option<Presence>, supervisor: &Supervisor) {
    let follower = RevocationFollower { hub: hub.clone(), list: list.clone(), presence };
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
    presence: Option<Presence>,
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
        let (now, mut closed, mut users) = (clock::now(), 0_usize, HashSet::new());
        for (number, connection) in self.hub.connections().enumerate() {
            if close_if_revoked(&connection, &self.list, now) {
                closed += 1;
                users.extend(connection.user().map(str::to_owned));
            }
            if (number + 1).is_multiple_of(TOGETHER) {
                tokio::task::yield_now().await;
            }
        }
        if closed > 0 {
            tracing::info!(closed, "connections were closed, as their logins were revoked");
        }
        self.end_presence(users, now).await;
    }

    /// Has those be offline of whom every connection was closed.
    async fn end_presence(&self, mut users: HashSet<String>, now: SystemTime) {
        let Some(presence) = &self.presence else { return };
        let is_over = |connection: &Arc<Connection>| {
            let identity = connection.data().get::<Identity>();
            identity.is_some_and(|identity| self.list.is_revoked(&identity, now))
        };
        users.retain(|user| self.hub.connections_of(user).iter().all(is_over));
        if let Err(error) = presence.offline(users).await {
            tracing::debug!(%error, "revoked users stay online for the grace time");
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
