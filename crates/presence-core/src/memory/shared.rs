//! What the backend, its sweeper and its streams share.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::config::Config;
use super::id_ledger::IdLedger;
use super::rooms::RoomLedger;
use crate::error::{Error, ErrorKind};
use crate::state::State;
use crate::tracker::{Timing, Tracker};

/// Who is online, who is in which room, the logs of their events, and whether this goes on.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) tracker: Tracker<IdLedger>,
    pub(super) members: Tracker<RoomLedger>,
    /// Well until it is shut down, unless the sweep does not run: memory has no other way to fail.
    pub(super) state: watch::Sender<State>,
    /// Cancelled when the backend is shut down or dropped.
    pub(super) stop: CancellationToken,
    /// The same as `stop`, at the price of one load.
    closed: AtomicBool,
}

impl Shared {
    pub(super) fn new(config: &Config, timing: Timing) -> Self {
        let id_ledger = IdLedger::new(config.events_max);
        Self {
            tracker: Tracker::new(timing, config.remembered_max, id_ledger),
            // The tracker remembers nobody who has left a room: that stands in the logs of the
            // rooms.
            members: Tracker::new(timing, 0, RoomLedger::new(config)),
            state: watch::Sender::new(State::Well),
            stop: CancellationToken::new(),
            closed: AtomicBool::new(false),
        }
    }

    pub(super) fn close(&self) {
        // The order matters: `note_sweep` looks at `closed` before it changes the state.
        self.closed.store(true, Ordering::SeqCst);
        self.state.send_replace(State::closed());
        self.stop.cancel();
    }

    pub(super) fn check_open(&self) -> Result<(), Error> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Closed, "presence was shut down"));
        }
        Ok(())
    }

    /// Notes why the sweep does not run, or that it runs again.
    pub(super) fn note_sweep(&self, why: Option<String>) {
        self.state.send_if_modified(|state| {
            // A race with the shutdown: it sets `closed` before it sets the state, so the state of
            // a backend that was shut down is not overwritten here.
            if self.closed.load(Ordering::Relaxed) {
                return false;
            }
            let next = why.map_or(State::Well, State::down);
            let changed = *state != next;
            *state = next;
            changed
        });
    }

    pub(super) fn id_ledger(&self) -> &IdLedger {
        self.tracker.ledger()
    }

    pub(super) fn room_ledger(&self) -> &RoomLedger {
        self.members.ledger()
    }

    /// Ends what is over, until the backend stops.
    pub(super) async fn sweep(&self) {
        tokio::join!(self.tracker.sweep(&self.stop), self.members.sweep(&self.stop));
    }
}
