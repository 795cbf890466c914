//! The thread that removes what is too old.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::clock;
use super::kept::MemoryPlace;
use crate::store::InboxWatchers;
use crate::{Error, ErrorKind, Result};

/// Looks again and again for entries that are too old; it belongs to one store.
pub(super) struct Sweeper {
    // Dropped, it ends the thread.
    stop: SyncSender<()>,
    thread: JoinHandle<()>,
}

/// The longest time between two looks: half of what an entry may stay longer at most.
const PAUSE_MAX: Duration = Duration::from_secs(30 * 60);

impl Sweeper {
    /// Starts the thread, which looks often enough for this age.
    pub(super) fn start(place: MemoryPlace, watchers: InboxWatchers, age: Duration) -> Result<Self> {
        let (stop, stopped) = mpsc::sync_channel(1);
        let pause = (age / 20).min(PAUSE_MAX);
        let run = move || sweep(&place, &watchers, &stopped, pause);
        match thread::Builder::new().name("timeline-memory".to_owned()).spawn(run) {
            Ok(thread) => Ok(Self { stop, thread }),
            Err(error) => {
                let text = "the thread that removes old entries cannot be started";
                Err(Error::with_source(ErrorKind::Unavailable, text, error))
            }
        }
    }

    /// Ends the thread, and waits for it.
    pub(super) fn stop(self) {
        drop(self.stop);
        // Whoever it wakes may end the store, and it does not wait for itself.
        let is_itself = thread::current().id() == self.thread.thread().id();
        if !is_itself && self.thread.join().is_err() {
            tracing::error!("the thread that removes old entries panicked; those of late are still there");
        }
    }
}

fn sweep(place: &MemoryPlace, watchers: &InboxWatchers, stopped: &Receiver<()>, pause: Duration) {
    while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
        // The lock is not held while watchers are told: they may come back here.
        let freed = place.lock().expire(clock::unix_ms());
        for member in freed {
            watchers.notify(&member);
        }
    }
}
