//! A bounded log of what this process has heard last.
//!
//! Every stream reads it at its own pace. This module is pure.

use std::collections::VecDeque;
use std::time::SystemTime;

use presence_core::{Cause, Error, Id, Position};

/// The latest notes, numbered from 1; the oldest go when there are too many.
///
/// It is the one queue between the listener and the streams: a stream that is behind holds nothing
/// up, and costs nothing.
#[derive(Debug)]
pub(super) struct Log {
    epoch: u64,
    notes: VecDeque<LogRecord>,
    notes_max: usize,
    /// The number of the latest note; 0 before the first.
    last: u64,
}

/// Something that streams tell.
#[derive(Debug, Clone)]
pub(super) enum LogRecord {
    Transition {
        id: Id,
        cause: Cause,
        at: SystemTime,
    },
    /// The connection was lost.
    Lost(Error),
    /// The connection is back; what happened in between, nobody heard.
    Gap,
}

/// Notes that a stream wanted and the log no longer has.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gone {
    pub(super) missed: u64,
}

impl Log {
    /// Creates a log of another epoch than any before.
    pub(super) fn new(epoch: u64, notes_max: usize) -> Self {
        Self { epoch, notes: VecDeque::new(), notes_max, last: 0 }
    }

    pub(super) fn append(&mut self, note: LogRecord) {
        if self.notes.len() == self.notes_max {
            self.notes.pop_front();
        }
        self.notes.push_back(note);
        self.last += 1;
    }

    pub(super) fn last(&self) -> u64 {
        self.last
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Returns the number that `position` names, if it is one of this log's.
    pub(super) fn number(&self, position: &Position) -> Option<u64> {
        match position.marks() {
            [number] if position.epoch() == self.epoch && *number <= self.last => Some(*number),
            _ => None,
        }
    }

    /// Returns the number after which the log still has everything.
    pub(super) fn start(&self) -> u64 {
        self.last - self.notes.len() as u64
    }

    /// Returns the notes after number `after`, up to and including `until`, at most `limit` of
    /// them.
    pub(super) fn read(
        &self,
        after: u64,
        until: u64,
        limit: usize,
    ) -> Result<impl Iterator<Item = (u64, &LogRecord)>, Gone> {
        let start = self.start();
        if after < start {
            return Err(Gone { missed: start - after });
        }
        let skipped = usize::try_from(after - start).unwrap_or(usize::MAX).min(self.notes.len());
        let wanted = usize::try_from(until.min(self.last).saturating_sub(after)).unwrap_or(usize::MAX);
        Ok((after + 1..).zip(self.notes.range(skipped..).take(wanted.min(limit))))
    }
}

#[cfg(test)]
mod tests {
    use presence_core::ErrorKind;

    use super::*;

    #[test]
    fn reader_gets_what_is_kept_and_hears_what_is_not() {
        let mut log = Log::new(9, 3);
        let read = |log: &Log, after, until, limit| {
            log.read(after, until, limit).map(|notes| notes.map(|(number, _)| number).collect::<Vec<_>>())
        };
        assert_eq!(read(&log, 0, 9, 9), Ok(vec![]));
        for _ in 0..4 {
            log.append(LogRecord::Gap);
        }
        log.append(LogRecord::Lost(Error::new(ErrorKind::Unavailable, "gone")));
        assert_eq!(read(&log, 1, 9, 9), Err(Gone { missed: 1 }));
        assert_eq!(read(&log, 2, 9, 9), Ok(vec![3, 4, 5]));
        assert_eq!(read(&log, 2, 4, 9), Ok(vec![3, 4]));
        assert_eq!(read(&log, 3, 9, 1), Ok(vec![4]));
        assert_eq!(read(&log, 5, 9, 9), Ok(vec![]));
        assert_eq!((log.start(), log.last()), (2, 5));
        assert_eq!(log.number(&Position::new(9, 5)), Some(5));
        assert_eq!(log.number(&Position::new(9, 6)), None);
        assert_eq!(log.number(&Position::new(8, 1)), None);
    }
}
