//! One line when something begins to fail, and one when it is over.
//!
//! There is none for each attempt in between.

use std::fmt::Display;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Something that works or does not.
#[derive(Debug)]
pub struct OutageLog {
    what: &'static str,
    began: Mutex<Option<Began>>,
}

#[derive(Debug, Clone, Copy)]
struct Began {
    at: Instant,
    last: Instant,
    failures: u64,
}

impl OutageLog {
    /// Creates the log of something that fails.
    ///
    /// `what` says so in a few words: "connections cannot be accepted".
    #[must_use]
    pub const fn new(what: &'static str) -> Self {
        Self { what, began: Mutex::new(None) }
    }

    /// Notes a failure; the first one is told.
    pub fn note(&self, error: &dyn Display) {
        let now = Instant::now();
        // The line is written after the lock is let go: a log that is slow holds up nobody else who
        // notes a failure.
        let first = {
            let mut began = self.began.lock();
            let first = began.is_none();
            let began = began.get_or_insert(Began { at: now, last: now, failures: 0 });
            (began.last, began.failures) = (now, began.failures + 1);
            first
        };
        if first {
            tracing::warn!(%error, "{}", self.what);
        } else {
            tracing::debug!(%error, "{}", self.what);
        }
    }

    /// Returns whether it fails at the moment.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.began.lock().is_some()
    }

    /// Notes that it works again; that is told if it did not before.
    pub fn over(&self) {
        let began = self.began.lock().take();
        if let Some(Began { at, failures, .. }) = began {
            tracing::warn!(lasted = ?at.elapsed(), failures, "over: {}", self.what);
        }
    }

    /// Notes that the outage is over if there was no failure for so long.
    pub fn over_if_quiet_for(&self, quiet: Duration) {
        if self.began.lock().is_some_and(|began| began.last.elapsed() >= quiet) {
            self.over();
        }
    }
}
