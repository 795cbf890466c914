//! The latest events of each shard, as this process read them.
//!
//! The streams of this process read them.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::record::{Record, StreamEntry};
use crate::leases::outages::Reading;
use crate::leases::shard::Registration;

/// The ends of the logs, kept by the followers.
#[derive(Debug)]
pub(in crate::leases) struct Tail {
    ends: Vec<Mutex<LogTail>>,
    news: watch::Sender<News>,
    /// Cancelled when there will be no more.
    pub(in crate::leases) ended: CancellationToken,
    records_max: usize,
}

/// What streams are woken for.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::leases) struct News {
    pub(in crate::leases) reading: Reading,
    /// Counts the followers that have begun.
    pub(in crate::leases) begun: usize,
}

/// The end of one log.
#[derive(Debug, Default)]
pub(in crate::leases) struct LogTail {
    pub(in crate::leases) registration: Option<Registration>,
    /// There is every event after this number.
    after: u64,
    last: u64,
    records: VecDeque<Record>,
}

/// What an entry is to an end.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::leases) enum Fit {
    Next,
    /// Something lies between: a new life, or events that were trimmed.
    Gap,
}

impl Tail {
    pub(in crate::leases) fn new(shards: usize, records_max: usize) -> Self {
        Self {
            ends: (0..shards).map(|_| Mutex::default()).collect(),
            news: watch::Sender::default(),
            ended: CancellationToken::new(),
            records_max,
        }
    }

    pub(in crate::leases) fn news(&self) -> watch::Receiver<News> {
        self.news.subscribe()
    }

    pub(in crate::leases) fn tell(&self, change: impl FnOnce(&mut News)) {
        self.news.send_modify(change);
    }

    /// Begins to follow a life, from number `last` on unless it was followed before.
    pub(in crate::leases) fn begin(&self, shard: usize, registration: &Registration, last: u64) {
        let mut end = self.ends[shard].lock();
        let same = end.registration.as_ref().is_some_and(|known| known.epoch == registration.epoch);
        if !same {
            // Of a new life everything is read, but at the very first what was before is nobody's
            // business.
            let from = if end.registration.is_some() { registration.start } else { last };
            *end = LogTail {
                registration: Some(registration.clone()),
                after: from,
                last: from,
                records: VecDeque::new(),
            };
        }
    }

    /// Where to read on.
    pub(in crate::leases) fn last(&self, shard: usize) -> u64 {
        self.ends[shard].lock().last
    }

    pub(in crate::leases) fn append(&self, shard: usize, entry: StreamEntry) -> Fit {
        let mut end = self.ends[shard].lock();
        if entry.last <= end.last {
            return Fit::Next;
        }
        if entry.records.is_empty() {
            return Fit::Gap;
        }
        let before = entry.before();
        let fit = if before > end.last { Fit::Gap } else { Fit::Next };
        if fit == Fit::Gap {
            end.records.clear();
            end.after = before;
        }
        let known = end.last;
        end.last = entry.last;
        end.records.extend(entry.records.into_iter().filter(|record| record.number > known));
        while end.records.len() > self.records_max {
            end.records.pop_front();
            end.after += 1;
        }
        fit
    }

    pub(in crate::leases) fn with<T>(&self, shard: usize, read: impl FnOnce(&LogTail) -> T) -> T {
        read(&self.ends[shard].lock())
    }
}

impl LogTail {
    /// Returns the events after `mark`, at most `limit`; if they are not all here, the number that
    /// all after are.
    pub(in crate::leases) fn page(&self, mark: u64, limit: usize) -> Result<Vec<Record>, u64> {
        let Some(skipped) = mark.checked_sub(self.after) else { return Err(self.after) };
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        Ok(self.records.iter().skip(skipped).take(limit).cloned().collect())
    }
}
