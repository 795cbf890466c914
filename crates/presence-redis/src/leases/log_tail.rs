//! The end of one log, as this process read it: pure.
//!
//! It is not the log of [`presence_core::feed`], although both are bounded: Redis gives the numbers
//! here, and what is read of them may begin anywhere and have gaps.

use std::collections::VecDeque;

use presence_core::feed::Logged;

use super::record::{Record, StreamEntry};
use super::shard::Registration;

/// The latest events of a log, which the streams of this process read.
#[derive(Debug)]
pub(super) struct LogTail<H> {
    registration: Option<Registration>,
    /// There is every event after this number.
    after: u64,
    last: u64,
    records: VecDeque<Record<H>>,
    records_max: usize,
    /// What the records take together.
    bytes: usize,
    bytes_max: usize,
    /// Whether nobody read for a while since the last event: the log may have become another one.
    doubted: bool,
}

/// What an entry is to the end of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// It follows.
    Next,
    /// Events lie between that were trimmed, or are those of a log that nobody here knows.
    Gap,
    /// Another epoch begins; where it does has to be asked.
    Epoch,
}

impl<H: Clone> LogTail<H> {
    /// Knows nothing before [`begin`](Self::begin).
    pub(super) fn new(records_max: usize, bytes_max: usize) -> Self {
        Self {
            registration: None,
            after: 0,
            last: 0,
            records: VecDeque::new(),
            records_max,
            bytes: 0,
            bytes_max,
            doubted: false,
        }
    }

    /// Goes over to an epoch, of which everything after the number `from` is read.
    pub(super) fn begin(&mut self, registration: &Registration, from: u64) {
        self.registration = Some(registration.clone());
        (self.after, self.last) = (from, from);
        self.clear();
    }

    fn clear(&mut self) {
        self.records.clear();
        self.bytes = 0;
    }

    pub(super) fn append(&mut self, entry: StreamEntry<H>) -> Fit
    where
        Record<H>: Logged,
    {
        // It is known already, as when two reads overlap.
        if entry.last <= self.last {
            return Fit::Next;
        }
        if entry.records.is_empty() {
            return Fit::Epoch;
        }
        // A log that begins had no events since we read its last ones, if we read all the while.
        let follows = entry.before <= self.last || entry.begins() && !self.doubted;
        if !follows {
            self.clear();
            self.after = entry.before;
        }
        self.doubted = false;
        // An entry has several events, and the first of them may be known.
        let known = std::mem::replace(&mut self.last, entry.last);
        for record in entry.records.into_iter().filter(|record| record.number > known) {
            self.bytes += record.bytes();
            self.records.push_back(record);
        }
        while self.records.len() > self.records_max || self.bytes > self.bytes_max {
            let Some(record) = self.records.pop_front() else { break };
            self.bytes -= record.bytes();
            self.after = record.number;
        }
        if follows { Fit::Next } else { Fit::Gap }
    }

    /// Notes that nobody can read for a while.
    pub(super) fn doubt(&mut self) {
        self.doubted = true;
    }

    pub(super) fn registration(&self) -> Option<&Registration> {
        self.registration.as_ref()
    }

    /// Where to read on.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// Returns the events after `mark`, at most `limit`; if they are not all here, the number that
    /// all after are.
    pub(super) fn page(&self, mark: u64, limit: usize) -> Result<Vec<Record<H>>, u64> {
        if mark < self.after {
            return Err(self.after);
        }
        let skipped = self.records.partition_point(|record| record.number <= mark);
        Ok(self.records.iter().skip(skipped).take(limit).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use presence_core::Id;

    use super::*;

    fn entry(from: Option<u64>, before: u64, last: u64) -> StreamEntry<()> {
        let record =
            |number| Record { number, id: Id::new("a").unwrap(), what: (), at: SystemTime::UNIX_EPOCH };
        StreamEntry { before, last, from, records: (before + 1..=last).map(record).collect() }
    }

    impl Logged for Record<()> {
        fn bytes(&self) -> usize {
            10
        }
    }

    fn tail(from: u64) -> LogTail<()> {
        tail_of(from, 30)
    }

    fn tail_of(from: u64, bytes_max: usize) -> LogTail<()> {
        let mut tail = LogTail::new(3, bytes_max);
        tail.begin(&Registration { epoch: "e".to_owned(), start: from, process: "p".to_owned() }, from);
        tail
    }

    fn page(tail: &LogTail<()>, mark: u64, limit: usize) -> Result<Vec<u64>, u64> {
        tail.page(mark, limit).map(|records| records.iter().map(|record| record.number).collect())
    }

    #[test]
    fn reader_gets_what_is_here_and_hears_from_where_on_it_is() {
        let mut tail = tail(5);
        assert_eq!((page(&tail, 4, 9), page(&tail, 5, 9)), (Err(5), Ok(vec![])));
        assert_eq!(tail.append(entry(None, 5, 7)), Fit::Next);
        assert_eq!((page(&tail, 5, 9), page(&tail, 6, 9)), (Ok(vec![6, 7]), Ok(vec![7])));
        // Read twice, or in part.
        assert_eq!(tail.append(entry(None, 5, 7)), Fit::Next);
        assert_eq!(tail.append(entry(None, 6, 9)), Fit::Next);
        assert_eq!((page(&tail, 5, 9), page(&tail, 6, 2)), (Err(6), Ok(vec![7, 8])));
        assert_eq!(tail.last(), 9);
    }

    #[test]
    fn what_is_too_large_is_read_elsewhere() {
        let mut tail = tail_of(5, 20);
        assert_eq!(tail.append(entry(None, 5, 8)), Fit::Next);
        assert_eq!((page(&tail, 5, 9), page(&tail, 6, 9)), (Err(6), Ok(vec![7, 8])));
        // Where another log begins, there is room again.
        assert_eq!(tail.append(entry(None, 10, 12)), Fit::Gap);
        assert_eq!((page(&tail, 10, 9), tail.bytes), (Ok(vec![11, 12]), 20));
    }

    #[test]
    fn what_lies_between_is_not_taken_for_nothing() {
        let mut tail = tail(5);
        assert_eq!(tail.append(entry(None, 7, 8)), Fit::Gap);
        assert_eq!((page(&tail, 6, 9), page(&tail, 7, 9)), (Err(7), Ok(vec![8])));
        // The beginning of an epoch says nothing of where its events are.
        assert_eq!(tail.append(entry(None, 20, 20)), Fit::Epoch);
        assert_eq!((tail.last(), page(&tail, 8, 9)), (8, Ok(vec![])));
    }

    #[test]
    fn log_that_begins_follows_unless_nobody_read_for_a_while() {
        let mut tail = tail(5);
        assert_eq!(tail.append(entry(Some(7), 7, 8)), Fit::Next);
        assert_eq!(page(&tail, 5, 9), Ok(vec![8]));
        tail.doubt();
        assert_eq!(tail.append(entry(Some(10), 10, 11)), Fit::Gap);
        assert_eq!((page(&tail, 9, 9), page(&tail, 10, 9)), (Err(10), Ok(vec![11])));
        assert_eq!(tail.append(entry(Some(13), 13, 14)), Fit::Next);
        assert_eq!(page(&tail, 11, 9), Ok(vec![14]));
    }
}
