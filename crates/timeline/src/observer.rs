//! Who wants to hear of new inbox entries at once.

use crate::Entry;

/// Hears of every new inbox entry, once it is durable and before its sender is answered.
///
/// # Delivery
///
/// Per member in sequence order, each entry at most once, on the thread that commits. A process that dies between the
/// commit and the call never makes it, and a send repeated with its message id does not make it again: readers close
/// such holes with [`sync`](crate::Timeline::sync), which the gapless sequences let them notice.
pub trait Observer: Send + Sync {
    /// Is told of one entry in the inbox of `member`.
    ///
    /// Every sender waits for it: it must neither block nor panic (a panic makes the store unavailable).
    fn appended(&self, member: &str, entry: &Entry);
}

/// Hears nothing.
impl Observer for () {
    fn appended(&self, _member: &str, _entry: &Entry) {}
}
