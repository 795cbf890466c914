//! What the backend, its sweeper and its streams share.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::config::Config;
use super::journal::Journal;
use super::rooms::Directory;
use crate::beings::{Beings, Timing};
use crate::error::{Error, ErrorKind};
use crate::state::State;

/// Who is online, who is in which room, the logs of their events, and whether this goes on.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) beings: Beings<Journal>,
    pub(super) members: Beings<Directory>,
    /// Well until it is closed: memory has no other way to fail.
    pub(super) state: watch::Sender<State>,
    /// Cancelled when the backend is closed or dropped.
    pub(super) stop: CancellationToken,
    /// The same as `stop`, at the price of one load.
    closed: AtomicBool,
}

impl Core {
    pub(super) fn new(config: &Config, timing: Timing) -> Self {
        let journal = Journal::new(config.events_max);
        Self {
            beings: Beings::new(timing, config.remembered_max, journal),
            // What was of them is in the logs of their rooms.
            members: Beings::new(timing, 0, Directory::new(config)),
            state: watch::Sender::new(State::Well),
            stop: CancellationToken::new(),
            closed: AtomicBool::new(false),
        }
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.state.send_replace(State::closed());
        self.stop.cancel();
    }

    pub(super) fn check_open(&self) -> Result<(), Error> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Closed, "presence is closed"));
        }
        Ok(())
    }

    pub(super) fn journal(&self) -> &Journal {
        self.beings.ledger()
    }

    pub(super) fn directory(&self) -> &Directory {
        self.members.ledger()
    }

    /// Ends what is over, until the backend stops.
    pub(super) async fn sweep(&self) {
        tokio::join!(self.beings.sweep(&self.stop), self.members.sweep(&self.stop));
    }
}
