//! What happened last: a bounded log that every stream reads at its own pace.

use std::collections::VecDeque;

use super::logged::Logged;
use crate::error::Error;
use crate::position::Position;

/// The latest events, numbered from 1.
///
/// The oldest go when they are too many or too large.
///
/// It is the one queue between the backend and its streams: a stream that is behind holds nothing
/// up, and costs nothing.
#[derive(Debug)]
pub struct Log<R> {
    epoch: u64,
    records: VecDeque<R>,
    records_max: usize,
    /// What the records take together.
    bytes: usize,
    bytes_max: usize,
    /// The number of the latest event; 0 before the first.
    last: u64,
}

/// Events that a stream wanted and the log no longer has.
#[derive(Debug, PartialEq, Eq)]
pub struct Gone {
    missed: u64,
}

impl Gone {
    /// Returns the error that a stream gives in their place.
    #[must_use]
    pub fn error(&self) -> Error {
        Error::lagged(Some(self.missed))
    }
}

impl<R> Log<R> {
    /// Creates an empty log, with an epoch that no log before it had.
    ///
    /// It keeps at most `records_max` events, and as many of them as take `bytes_max` together; the
    /// latest one in any case.
    #[must_use]
    pub fn new(epoch: u64, records_max: usize, bytes_max: usize) -> Self {
        Self { epoch, records: VecDeque::new(), records_max, bytes: 0, bytes_max, last: 0 }
    }

    /// Returns the epoch that positions in this log have.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Returns the number of the latest event; 0 before the first.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Returns the position after the event `number`.
    #[must_use]
    pub fn position(&self, number: u64) -> Position {
        Position::new(self.epoch, number)
    }

    /// Returns the number of the event at `position`, if it is of this log.
    #[must_use]
    pub fn number(&self, position: &Position) -> Option<u64> {
        match position.marks() {
            [number] if position.epoch() == self.epoch && *number <= self.last => Some(*number),
            _ => None,
        }
    }

    /// Returns the number after which the log still has everything.
    #[must_use]
    pub fn start(&self) -> u64 {
        self.last - self.records.len() as u64
    }

    /// Returns the events after number `after`, up to and including `until`.
    ///
    /// There are at most `limit` of them.
    ///
    /// # Errors
    ///
    /// [`Gone`] if the log does not have all of them any more.
    pub fn read(
        &self,
        after: u64,
        until: u64,
        limit: usize,
    ) -> Result<impl Iterator<Item = (u64, &R)>, Gone> {
        let start = self.start();
        if after < start {
            return Err(Gone { missed: start - after });
        }
        let skipped = usize::try_from(after - start).unwrap_or(usize::MAX).min(self.records.len());
        let wanted = usize::try_from(until.min(self.last).saturating_sub(after)).unwrap_or(usize::MAX);
        let records = self.records.range(skipped..).take(wanted.min(limit));
        Ok((after + 1..).zip(records))
    }
}

impl<R: Logged> Log<R> {
    /// Writes an event down.
    pub fn append(&mut self, record: R) {
        let bytes = record.bytes();
        // Room is made before, as the queue would double for one more.
        while self.records.len() >= self.records_max || self.bytes + bytes > self.bytes_max {
            if !self.drop_oldest() {
                break;
            }
        }
        self.bytes += bytes;
        self.records.push_back(record);
        self.last += 1;
    }

    /// Forgets the event `number` and those before it.
    pub fn forget(&mut self, number: u64) {
        while self.start() < number.min(self.last) && self.drop_oldest() {}
    }

    fn drop_oldest(&mut self) -> bool {
        let oldest = self.records.pop_front();
        self.bytes -= oldest.as_ref().map_or(0, Logged::bytes);
        oldest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Logged for () {
        fn bytes(&self) -> usize {
            0
        }
    }

    /// So many bytes.
    impl Logged for usize {
        fn bytes(&self) -> usize {
            *self
        }
    }

    #[test]
    fn what_is_too_large_pushes_out_the_oldest() {
        let mut log = Log::new(9, 4, 100);
        let kept = |log: &Log<usize>| log.records.iter().copied().collect::<Vec<_>>();
        for bytes in [30, 40, 30, 0] {
            log.append(bytes);
        }
        assert_eq!(kept(&log), [30, 40, 30, 0]);
        log.append(50);
        assert_eq!((kept(&log), log.start()), (vec![30, 0, 50], 2));
        // One alone may be larger.
        log.append(101);
        assert_eq!((kept(&log), log.start(), log.last()), (vec![101], 5, 6));
        log.append(100);
        assert_eq!((kept(&log), log.bytes), (vec![100], 100));
        log.forget(7);
        assert_eq!((log.bytes, log.start()), (0, 7));
    }

    #[test]
    fn reader_gets_what_is_kept_and_hears_what_is_not() {
        let mut log = Log::new(9, 3, 0);
        let read = |log: &Log<()>, after, until, limit| {
            log.read(after, until, limit).map(|events| events.map(|(number, _)| number).collect::<Vec<_>>())
        };
        assert_eq!(read(&log, 0, 9, 9), Ok(vec![]));
        for _ in 0..5 {
            log.append(());
        }
        assert_eq!(read(&log, 1, 9, 9), Err(Gone { missed: 1 }));
        assert_eq!(read(&log, 2, 9, 9), Ok(vec![3, 4, 5]));
        assert_eq!(read(&log, 2, 4, 9), Ok(vec![3, 4]));
        assert_eq!(read(&log, 3, 9, 1), Ok(vec![4]));
        assert_eq!(read(&log, 5, 9, 9), Ok(vec![]));
        assert_eq!((log.start(), log.last()), (2, 5));
        // Also of what is gone it is known which it was.
        let known = [0, 1, 5, 6].map(|number| log.number(&log.position(number)));
        assert_eq!(known, [Some(0), Some(1), Some(5), None]);
        log.forget(3);
        assert_eq!(read(&log, 2, 9, 9), Err(Gone { missed: 1 }));
        log.forget(99);
        assert_eq!((log.start(), log.last()), (5, 5));
    }

    #[test]
    fn position_of_another_epoch_or_of_the_future_is_not_known() {
        let mut log = Log::new(9, 3, 0);
        log.append(());
        assert_eq!(log.number(&Position::new(9, 1)), Some(1));
        assert_eq!(log.number(&Position::new(9, 2)), None);
        assert_eq!(log.number(&Position::new(8, 1)), None);
        assert_eq!(log.number(&Position::sharded(9, &[1, 1]).unwrap()), None);
    }
}
