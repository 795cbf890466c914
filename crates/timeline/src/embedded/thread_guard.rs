//! What notices that a thread of the store panics.

use std::sync::Arc;
use std::thread;

use tokio_util::task::task_tracker::TaskTrackerToken;

use super::shared::Shared;

/// Held by a thread of the store until it ends.
///
/// A thread that panics leaves work that nobody does: from then on nothing is served, and the state
/// says why and that only a restart helps. Its callers are answered, as what they wait for is
/// dropped with the thread. Otherwise a thread ends with the store, or with the one that it serves.
pub(super) struct ThreadGuard {
    name: &'static str,
    shared: Arc<Shared>,
    // The token is dropped last, when the end of the thread has been told.
    _token: TaskTrackerToken,
}

impl ThreadGuard {
    pub(super) fn new(name: &'static str, shared: &Arc<Shared>, token: TaskTrackerToken) -> Self {
        shared.running.lock().push(name);
        Self { name, shared: Arc::clone(shared), _token: token }
    }
}

impl Drop for ThreadGuard {
    fn drop(&mut self) {
        if thread::panicking() && !self.shared.is_closed() {
            self.shared.lose(&format!("its thread {} panicked", self.name));
        }
        self.shared.running.lock().retain(|name| *name != self.name);
    }
}

/// Panics if a test has made a file of this name in the directory of the store.
#[cfg(test)]
pub(super) fn panic_if_told(directory: &std::path::Path, name: &str) {
    assert!(!directory.join(name).exists(), "the test wants it");
}
