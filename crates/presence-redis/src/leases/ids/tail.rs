//! The latest events of each shard, as this process read them.
//!
//! The streams of this process read them. There are always as many as shards, and each stream
//! reads all of them: so they have one word for news. Those of rooms come and go with the streams
//! that follow them, which makes them another thing; one end is the same in both.

use parking_lot::Mutex;
use presence_core::Cause;
use presence_core::feed::{ID_EVENT_BYTES, Reading};
use tokio::sync::watch;

use crate::leases::log_tail::{Fit, LogTail};
use crate::leases::record::StreamEntry;
use crate::leases::shard::Registration;

/// The ends of the logs, kept by the followers.
#[derive(Debug)]
pub(in crate::leases) struct Tail {
    ends: Vec<Mutex<LogTail<Cause>>>,
    news: watch::Sender<Reading>,
}

impl Tail {
    pub(in crate::leases) fn new(shards: usize, records_max: usize) -> Self {
        let end = || Mutex::new(LogTail::new(records_max, records_max.saturating_mul(ID_EVENT_BYTES)));
        Self { ends: std::iter::repeat_with(end).take(shards).collect(), news: watch::Sender::default() }
    }

    pub(super) fn news(&self) -> watch::Receiver<Reading> {
        self.news.subscribe()
    }

    pub(super) fn tell(&self, change: impl FnOnce(&mut Reading)) {
        self.news.send_modify(change);
    }

    /// Begins to follow an epoch, from number `last` on unless it was followed before, and says
    /// whether it was not.
    pub(super) fn begin(&self, shard: usize, registration: &Registration, last: u64) -> bool {
        let mut end = self.ends[shard].lock();
        let known = end.registration();
        if known.is_some_and(|known| known.epoch == registration.epoch) {
            return false;
        }
        // Of a new epoch everything is read. Of the first one that this process sees, no stream
        // waits for what was before.
        let from = if known.is_some() { registration.start } else { last };
        end.begin(registration, from);
        true
    }

    /// Where to read on.
    pub(super) fn last(&self, shard: usize) -> u64 {
        self.ends[shard].lock().last()
    }

    pub(super) fn append(&self, shard: usize, entry: StreamEntry<Cause>) -> Fit {
        self.ends[shard].lock().append(entry)
    }

    pub(super) fn with<T>(&self, shard: usize, read: impl FnOnce(&LogTail<Cause>) -> T) -> T {
        read(&self.ends[shard].lock())
    }
}
