//! Whether this node hears what the others write.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::metrics;
use crate::distributed::trouble::{Failing, Trouble};

/// Whether this node hears what the others write, and whether they hear what it writes.
///
/// Of either the log is told by [`Trouble`], with one line for all that fails with it.
///
/// Whenever something may have been missed, it wakes the task that looks at the inboxes.
#[derive(Debug)]
pub(super) struct Hearing {
    /// None before the first answer.
    is_up: Mutex<Option<bool>>,
    doubts: Notify,
    /// Whether cursors may have been missed that the watchers here were not told of.
    lacks_cursors: AtomicBool,
    trouble: Trouble,
}

/// What trouble shows in.
const HEARING: &str = "hearing";
const SAYING: &str = "saying";

impl Hearing {
    pub(super) fn new(trouble: Trouble) -> Self {
        Self { is_up: Mutex::default(), doubts: Notify::new(), lacks_cursors: AtomicBool::default(), trouble }
    }

    /// Returns whether what the others write is heard at once.
    pub(super) fn is_up(&self) -> bool {
        *self.is_up.lock() == Some(true)
    }

    /// Notes that everything is heard from now on.
    pub(super) fn up(&self) {
        let before = self.is_up.lock().replace(true);
        if before == Some(false) {
            self.trouble.ends(HEARING);
        }
        // At the start nobody was told anything yet, and asks.
        if before.is_some() {
            self.lack_cursors();
        }
        metrics::others_heard(true);
        // What they said until now may have been missed.
        self.doubts.notify_one();
    }

    /// Notes that nothing is heard any more, or not yet.
    pub(super) fn down(&self, why: &dyn Display) {
        if self.is_up.lock().replace(false) == Some(false) {
            tracing::debug!("the other nodes of the timeline store are not heard: {why:#}");
            return;
        }
        self.trouble.begins(Failing::Hearing, HEARING, why);
        metrics::others_heard(false);
        self.doubts.notify_one();
    }

    /// Notes that the others are not told what is new here.
    pub(super) fn is_unheard(&self, why: &dyn Display) {
        self.trouble.begins(Failing::Saying, SAYING, why);
    }

    /// Notes that they are told again.
    pub(super) fn is_heard(&self) {
        self.trouble.ends(SAYING);
    }

    /// Notes that something may have been missed.
    pub(super) fn doubt(&self, why: &dyn Display) {
        tracing::debug!("other nodes of the timeline store may have said more than was heard: {why:#}");
        metrics::missed();
        self.lack_cursors();
        self.doubts.notify_one();
    }

    /// Notes that cursors may have been missed.
    pub(super) fn lack_cursors(&self) {
        self.lacks_cursors.store(true, Ordering::Release);
    }

    /// Returns whether cursors may have been missed that nobody was told of yet.
    pub(super) fn lacks_cursors(&self) -> bool {
        self.lacks_cursors.load(Ordering::Acquire)
    }

    /// Returns the same, and notes that they are told of now.
    pub(super) fn take_lack_of_cursors(&self) -> bool {
        self.lacks_cursors.swap(false, Ordering::AcqRel)
    }

    /// Waits until something may have been missed since the last call.
    ///
    /// # Cancel safety
    ///
    /// A dropped call loses nothing.
    pub(super) async fn doubted(&self) {
        self.doubts.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::distributed::config::Config;

    #[test]
    fn whatever_may_have_been_missed_is_looked_at_once() {
        let hearing = Hearing::new(Trouble::of(&Config::new("mongodb://localhost")));
        assert!(!hearing.is_up() && hearing.doubted().now_or_never().is_none());
        hearing.up();
        hearing.doubt(&"a gap");
        assert!(hearing.is_up() && hearing.doubted().now_or_never().is_some());
        assert!(hearing.doubted().now_or_never().is_none());
        hearing.down(&"it is away");
        hearing.down(&"it is still away");
        assert!(!hearing.is_up() && hearing.doubted().now_or_never().is_some());
        assert!(hearing.doubted().now_or_never().is_none());
    }

    #[test]
    fn cursors_are_lacked_after_each_gap_and_not_after_the_start() {
        let hearing = Hearing::new(Trouble::of(&Config::new("mongodb://localhost")));
        hearing.up();
        assert!(!hearing.take_lack_of_cursors());
        hearing.down(&"it is away");
        assert!(!hearing.lacks_cursors(), "what is missed meanwhile is told of when it is over");
        hearing.up();
        assert!(hearing.lacks_cursors() && hearing.take_lack_of_cursors());
        assert!(!hearing.lacks_cursors());
        hearing.doubt(&"a gap");
        assert!(hearing.take_lack_of_cursors());
    }
}
