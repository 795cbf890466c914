//! One line when the list of revocations is full, and one when it has places again.

use parking_lot::Mutex;
use tidings::identity::Error;
use tokio::time::Instant;

/// What is told of a full list.
///
/// It is no matter of health: what the list has counts, and without this server its users would be
/// no better off.
#[derive(Debug, Default)]
pub(super) struct FullLog(Mutex<Option<Instant>>);

impl FullLog {
    /// Notes that something had no place; the first time is told.
    pub(super) fn note(&self, error: &Error) {
        let is_first = self.0.lock().replace(Instant::now()).is_none();
        if is_first {
            tracing::error!(
                %error,
                "the list of revocations is full: what is revoked now does not count, and what was revoked does"
            );
        }
    }

    /// Notes that there are places; that is told if there were none.
    pub(super) fn over(&self) {
        let last = self.0.lock().take();
        if let Some(last) = last {
            tracing::warn!(
                last_refused = ?last.elapsed(),
                "over: the list of revocations is full; revoke again what was refused"
            );
        }
    }

    /// Whether something had no place, and that is not over.
    pub(super) fn is_on(&self) -> bool {
        self.0.lock().is_some()
    }
}
