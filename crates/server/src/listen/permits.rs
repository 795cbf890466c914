//! The places of a listener's connections.
//!
//! They say who has one, who has to go when all are taken, and who is always let in.
//!
//! ```text
//!             place free                    ┌─ a request comes ─► busy ─ its answer is written ─┐
//! connection ────────────► inside, idle ────┤                                                   │
//!     │                         ▲           └─ closed, or the oldest idle one when all are taken│
//!     │                         └───────────────────────────────────────────────────────────────┘
//!     ├─ none is idle ──► the slowest one goes: a body that is not finished, or an answer that is not taken
//!     └─ every place is busy ──► a reserved place: answers about health, and 503 to the rest
//! ```
//!
//! Silent sockets and clients that rest or dawdle never keep anybody out, and whoever asks about
//! health is answered even when every place is busy. A connection with nothing but calls that have
//! no end of their own, such as a watch of health, rests as well: as long as there is room they
//! stay, and who comes later is not kept out by them.

mod busy;
mod connection_state;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use metrics::Gauge;
use parking_lot::Mutex;
use tidings::join::outage_log::OutageLog;
use tidings::timeline::RequestConnection;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(crate) use self::busy::Busy;
use self::connection_state::{Activity, ConnectionState};
use super::body_memory::BodyMemory;

/// Places for those who ask about health, besides the others.
const RESERVED: usize = 16;

/// How long nobody may be turned away until the outage is over.
const QUIET: Duration = Duration::from_secs(10);

/// How long every connection has to be accepted until the outage is over. Closing an idle one lets
/// one more in each time, which does not end it.
const OPEN_AGAIN: Duration = Duration::from_secs(2);

/// The time limits of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    /// From the connection to the end of its handshake, where there is one.
    pub(crate) handshake: Option<Duration>,
    /// For a client to take a piece of its answer.
    pub(crate) answer: Duration,
}

/// The places of one listener; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionPermits {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    most: usize,
    bodies: BodyMemory,
    patience: Timeouts,
    table: Mutex<TakenPermits>,
    /// Every place is busy.
    full: OutageLog,
    /// The system accepts no connections.
    shut: OutageLog,
    open: Gauge,
}

#[derive(Debug, Default)]
struct TakenPermits {
    next: u64,
    taken: BTreeMap<u64, Arc<ConnectionState>>,
    /// How many of those that are taken are reserved ones.
    reserved: usize,
}

/// The permit of one connection, given back on drop.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    number: u64,
    state: Arc<ConnectionState>,
    permits: ConnectionPermits,
}

/// What the requests of a connection know of it.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionHandle(Arc<ConnectionState>);

impl ConnectionPermits {
    /// `bodies` is shared by all listeners; `open` counts the connections.
    pub(crate) fn new(most: usize, patience: Timeouts, bodies: BodyMemory, open: Gauge) -> Self {
        let full = OutageLog::new("all places for connections are busy; new clients are told to try again");
        let shut = OutageLog::new("connections cannot be accepted; those that are open go on");
        let table = Mutex::default();
        Self { shared: Arc::new(Shared { most, bodies, patience, table, full, shut, open }) }
    }

    /// Gives a connection its permit; the one that has been idle longest goes if there is no place.
    /// `None` if everybody is busy, even those who ask about health.
    pub(crate) fn take(&self) -> Option<ConnectionPermit> {
        let mut table = self.shared.table.lock();
        let mut reserved = false;
        if table.taken.len() - table.reserved >= self.shared.most && !table.make_room(false) {
            reserved = true;
            self.shared.full.note(&format_args!("{} of {}", table.taken.len(), self.shared.most));
            if table.reserved >= RESERVED && !table.make_room(true) {
                return None;
            }
        }
        let number = table.next;
        table.next += 1;
        table.reserved += usize::from(reserved);
        let (now, close) = (Instant::now(), CancellationToken::new());
        let state = Arc::new(ConnectionState {
            number,
            reserved: AtomicBool::new(reserved),
            permits: Arc::downgrade(&self.shared),
            bodies: self.shared.bodies.clone(),
            opened: now,
            handshake_done: AtomicBool::new(self.shared.patience.handshake.is_none()),
            connection: RequestConnection::new({
                let close = close.clone();
                move || close.cancel()
            }),
            close,
            activity: Mutex::new(Activity::new(now)),
        });
        table.taken.insert(number, Arc::clone(&state));
        self.shared.open.increment(1.0);
        Some(ConnectionPermit { number, state, permits: self.clone() })
    }

    /// Whether connections can be accepted.
    pub(super) fn shut(&self) -> &OutageLog {
        &self.shared.shut
    }

    /// Closes the connection that has been idle longest, if any is.
    pub(crate) fn close_the_idlest(&self) -> bool {
        self.shared.table.lock().make_room(false)
    }

    /// Closes those who made us wait too long, again and again.
    pub(crate) async fn watch(self, stop: CancellationToken) {
        let patience = self.shared.patience;
        let shortest = patience.handshake.map_or(patience.answer, |handshake| handshake.min(patience.answer));
        let tick = (shortest / 4).clamp(Duration::from_millis(20), Duration::from_secs(1));
        let mut ticks = tokio::time::interval(tick);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.shared.full.over_if_quiet_for(QUIET);
            self.shared.shut.over_if_quiet_for(OPEN_AGAIN);
            let states: Vec<_> = self.shared.table.lock().taken.values().cloned().collect();
            for state in states {
                let unshaken = !state.handshake_done.load(Ordering::Relaxed)
                    && patience.handshake.is_some_and(|handshake| state.opened.elapsed() >= handshake);
                if unshaken || state.is_stuck(patience.answer) {
                    tracing::debug!(
                        handshake = !unshaken,
                        "a client that keeps the server waiting is cut off"
                    );
                    state.close.cancel();
                }
            }
        }
    }
}

impl TakenPermits {
    /// Closes the connection, reserved or not, that has been idle longest, or else the one whose
    /// requests come or whose answers are taken slowest. Its place is free at once.
    fn make_room(&mut self, reserved: bool) -> bool {
        let states = || self.taken.iter().filter(|(_, state)| state.is_reserved() == reserved);
        let idle =
            states().filter_map(|(number, state)| Some((state.activity.lock().idle_since()?, *number)));
        let longest = idle.min().map(|(_, number)| number);
        let number = longest.or_else(|| {
            let now = Instant::now();
            let slow = states().filter_map(|(number, state)| Some((state.pace(now)?, *number)));
            slow.min().map(|(_, number)| number)
        });
        let Some(number) = number else { return false };
        self.remove(number);
        true
    }

    fn remove(&mut self, number: u64) {
        if let Some(state) = self.taken.remove(&number) {
            self.reserved -= usize::from(state.is_reserved());
            state.close.cancel();
        }
    }

    /// Gives a connection on a reserved place an ordinary one, if one is free.
    fn promote(&mut self, state: &ConnectionState, most: usize) -> bool {
        let is_free = self.taken.len() - self.reserved < most || self.make_room(false);
        if is_free && self.taken.contains_key(&state.number) && state.reserved.swap(false, Ordering::Relaxed)
        {
            self.reserved -= 1;
        }
        !state.is_reserved()
    }
}

impl ConnectionPermit {
    /// What its requests are given.
    pub(crate) fn handle(&self) -> ConnectionHandle {
        ConnectionHandle(Arc::clone(&self.state))
    }

    /// Waits until the connection has to go.
    pub(crate) fn closed(&self) -> CancellationToken {
        self.state.close.clone()
    }

    /// Notes that the handshake is over.
    pub(crate) fn handshake_done(&self) {
        self.state.handshake_done.store(true, Ordering::Relaxed);
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.permits.shared.table.lock().remove(self.number);
        self.permits.shared.open.decrement(1.0);
    }
}

impl ConnectionHandle {
    /// Whether a request may be answered that is not about health: one that came when all places
    /// were busy gets one as soon as it is free, as a client of gRPC stays where it is.
    pub(crate) fn has_place(&self) -> bool {
        if !self.0.is_reserved() {
            return true;
        }
        let Some(permits) = self.0.permits.upgrade() else { return false };
        let most = permits.most;
        permits.table.lock().promote(&self.0, most)
    }

    /// What the timelines share their room for answers by, and close when others wait for it.
    pub(crate) fn connection(&self) -> RequestConnection {
        self.0.connection.clone()
    }

    /// Notes that a request has come; the connection is busy until all of its answer is written.
    pub(crate) fn busy(&self) -> Busy {
        Busy::begin(&self.0, false)
    }

    /// Notes that a request has come whose answer has no end; the connection rests meanwhile.
    pub(crate) fn resting(&self) -> Busy {
        Busy::begin(&self.0, true)
    }
}

#[cfg(test)]
mod tests;
