//! An inbox or a history in memory.
//!
//! This module is pure.

use crate::page::PAGE_BYTES_MAX;
use crate::{Entry, Error, PageRequest, Position, Result, Seq};

/// The entries above the floor, which are contiguous.
#[derive(Debug, Default)]
pub(super) struct EntryBox {
    pub(super) floor: Seq,
    entries: Vec<Entry>,
}

impl EntryBox {
    /// Adds an entry at the next place, and returns it as it is there.
    pub(super) fn push(&mut self, entry: Entry) -> Entry {
        let entry = Entry { sequence: self.top().next(), ..entry };
        self.entries.push(entry.clone());
        entry
    }

    /// Removes the entries up to `sequence`, and returns whether the floor has risen.
    pub(super) fn free(&mut self, sequence: Seq) -> Result<bool> {
        self.check_reaches(sequence)?;
        if sequence <= self.floor {
            return Ok(false);
        }
        self.floor = sequence;
        self.entries.retain(|entry| entry.sequence > sequence);
        Ok(true)
    }

    /// Returns the last sequence that was given out, whether its entry is left or not.
    pub(super) fn top(&self) -> Seq {
        self.entries.last().map_or(self.floor, |last| last.sequence)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Checks that a sequence is not beyond the end.
    pub(super) fn check_reaches(&self, sequence: Seq) -> Result<()> {
        let top = self.top();
        if sequence > top {
            let text = format!("{sequence} is beyond the latest entry of the inbox, which is {top}");
            return Err(Error::invalid(text).in_field("sequence"));
        }
        Ok(())
    }

    /// Returns whether a reader can have its position from this box.
    pub(super) fn gave_out(&self, position: Position) -> bool {
        let Position { sequence, tag } = position;
        if sequence > self.top() {
            return false;
        }
        // An entry that was removed has no tag to compare.
        let entry = self.entries.iter().find(|entry| entry.sequence == sequence);
        match (tag, entry) {
            (Some(_), Some(entry)) => entry.tag == tag,
            _ => true,
        }
    }

    /// Returns a page, and whether there are further entries in its direction.
    pub(super) fn page(&self, request: PageRequest) -> (Vec<Entry>, bool) {
        let Some((first, last)) = request.bounds(self.floor, self.top()) else {
            return (Vec::new(), false);
        };
        let begin = self.entries.partition_point(|entry| entry.sequence < first);
        let end = self.entries.partition_point(|entry| entry.sequence <= last);
        let asked = &self.entries[begin..end];
        let (begin, end) = if request.backward {
            (end - fitting(asked.iter().rev()), end)
        } else {
            (begin, begin + fitting(asked.iter()))
        };
        let more = if request.backward { begin > 0 } else { end < self.entries.len() };
        (self.entries[begin..end].to_vec(), more)
    }
}

/// Returns how many of the entries fit into a page; the first always does.
fn fitting<'a>(entries: impl Iterator<Item = &'a Entry>) -> usize {
    let mut bytes = 0;
    let fits = |entry: &&Entry| {
        let is_first = bytes == 0;
        bytes += entry.bytes();
        is_first || bytes <= PAGE_BYTES_MAX
    };
    entries.take_while(fits).count()
}
