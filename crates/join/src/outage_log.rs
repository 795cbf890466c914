//! One line when something begins to fail, and one when it is over.
//!
//! There is none for each attempt in between.

use std::fmt::Display;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Something that works or does not.
#[derive(Debug)]
pub(super) struct OutageLog {
    what: &'static str,
    began: Mutex<Option<Began>>,
}

#[derive(Debug, Clone, Copy)]
struct Began {
    at: Instant,
    failures: u64,
}

impl OutageLog {
    /// `what` fails, in a few words: "posts are not accepted".
    pub(super) const fn new(what: &'static str) -> Self {
        Self { what, began: Mutex::new(None) }
    }

    /// Notes a failure; the first one is told.
    pub(super) fn note(&self, error: &dyn Display) {
        let is_first = {
            let mut began = self.began.lock();
            let began = began.get_or_insert(Began { at: Instant::now(), failures: 0 });
            began.failures += 1;
            began.failures == 1
        };
        if is_first {
            tracing::warn!(%error, "{}", self.what);
        } else {
            tracing::debug!(%error, "{}", self.what);
        }
    }

    /// Notes that it works again; that is told if it did not before.
    pub(super) fn over(&self) {
        let began = self.began.lock().take();
        if let Some(Began { at, failures, .. }) = began {
            tracing::warn!(lasted = ?at.elapsed(), failures, "over: {}", self.what);
        }
    }
}
