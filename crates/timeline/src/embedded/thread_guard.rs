//! What notices that a thread of the store ends before its time.

use std::sync::Arc;
use std::thread;

use tokio_util::task::task_tracker::TaskTrackerToken;

use super::shared::Shared;

/// Held by a thread of the store until it ends.
///
/// A thread that ends while the store is open leaves work that nobody does: from then on nothing is
/// served, and the state says why and that only a restart helps. Its callers are answered, as what
/// they wait for is dropped with the thread.
pub(super) struct ThreadGuard {
    name: &'static str,
    shared: Arc<Shared>,
    // Given back when all has been told.
    _token: TaskTrackerToken,
}

impl ThreadGuard {
    pub(super) fn new(name: &'static str, shared: &Arc<Shared>, token: TaskTrackerToken) -> Self {
        Self { name, shared: Arc::clone(shared), _token: token }
    }
}

impl Drop for ThreadGuard {
    fn drop(&mut self) {
        // In a store that was shut down every thread ends.
        if !self.shared.is_closed() {
            let how = if thread::panicking() { "panicked" } else { "ended" };
            self.shared.lose(&format!("its thread {} {how}", self.name));
        }
    }
}

/// Panics if a test has made a file of this name in the directory of the store.
#[cfg(test)]
pub(super) fn panic_if_told(directory: &std::path::Path, name: &str) {
    assert!(!directory.join(name).exists(), "the test wants it");
}
