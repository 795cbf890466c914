//! How many calls of one connection are answered later.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Calls of one connection that may wait for their answers at once.
const LATE_MAX: usize = 16;

/// How many calls of a connection wait for their answers.
#[derive(Debug, Default)]
pub(crate) struct LateAnswers(AtomicUsize);

impl LateAnswers {
    pub(crate) fn has_room(&self) -> bool {
        self.0.load(Ordering::Acquire) < LATE_MAX
    }

    pub(crate) fn begin(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    /// Tells whether the task of the connection may wait for this.
    pub(crate) fn end(&self) -> bool {
        // There may be more than the bound: a handler may begin several late answers for one call.
        self.0.fetch_sub(1, Ordering::AcqRel) >= LATE_MAX
    }
}
