//! An inbox or a history in memory.
//!
//! This module is pure.

use crate::page::PAGE_BYTES_MAX;
use crate::{Entry, Error, Keep, PageRequest, Position, Result, Seq};

/// The entries above the floor, which are contiguous.
#[derive(Debug, Default)]
pub(super) struct EntryBox {
    floor: Seq,
    entries: Vec<Entry>,
    // The time of the last entry, which stays when that is removed.
    last_ms: u64,
}

impl EntryBox {
    /// Adds an entry at the next place, and returns it as it is there.
    pub(super) fn push(&mut self, entry: Entry) -> Entry {
        let entry = Entry { sequence: self.top().next(), ..entry };
        self.last_ms = entry.at_ms;
        self.entries.push(entry.clone());
        entry
    }

    /// Removes the entries up to `floor`, and returns them; a lower floor changes nothing.
    pub(super) fn free(&mut self, floor: Seq) -> Vec<Entry> {
        if floor <= self.floor {
            return Vec::new();
        }
        self.floor = floor;
        let gone = self.entries.partition_point(|entry| entry.sequence <= floor);
        self.entries.drain(..gone).collect()
    }

    pub(super) fn get_mut(&mut self, sequence: Seq) -> Option<&mut Entry> {
        let at = self.entries.binary_search_by_key(&sequence, |entry| entry.sequence).ok()?;
        self.entries.get_mut(at)
    }

    pub(super) fn get(&self, sequence: Seq) -> Option<&Entry> {
        let at = self.entries.binary_search_by_key(&sequence, |entry| entry.sequence).ok()?;
        self.entries.get(at)
    }

    /// Returns the entries that are left after a place, oldest first.
    pub(super) fn after(&self, sequence: Seq) -> impl DoubleEndedIterator<Item = &Entry> {
        let begin = self.entries.partition_point(|entry| entry.sequence <= sequence);
        self.entries[begin..].iter()
    }

    pub(super) fn floor(&self) -> Seq {
        self.floor
    }

    /// Returns the last sequence that was given out, whether its entry is left or not.
    pub(super) fn top(&self) -> Seq {
        self.entries.last().map_or(self.floor, |last| last.sequence)
    }

    /// Returns the time of the last entry, whether it is left or not; 0 if there was none.
    pub(super) fn last_ms(&self) -> u64 {
        self.last_ms
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the floor that the box has to have because of the number of its entries.
    pub(super) fn floor_by_number(&self, keep: Keep) -> Seq {
        let (Some(most), Some(kept)) = (keep.entries_limit(), keep.entries_min()) else { return self.floor };
        let entries = self.entries.len() as u64;
        if entries <= most { self.floor } else { self.floor_without(entries - kept) }
    }

    /// Returns the floor that it has to have because of their age.
    pub(super) fn floor_by_age(&self, keep: Keep, now_ms: u64) -> Seq {
        let Some(age) = keep.age_max() else { return self.floor };
        let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        // A copy may be ahead of the clock. Whatever lies before one that is old was taken earlier.
        let is_old = |entry: &Entry| entry.at_ms.saturating_add(age_ms) <= now_ms;
        let old = self.entries.iter().rposition(is_old).map_or(0, |last| last + 1);
        self.floor_without(old as u64)
    }

    /// Returns the floor that it has without its oldest entries.
    fn floor_without(&self, oldest: u64) -> Seq {
        let last = usize::try_from(oldest).ok().and_then(|oldest| oldest.checked_sub(1));
        last.and_then(|last| self.entries.get(last)).map_or(self.floor, |entry| entry.sequence)
    }

    /// Checks that a sequence is not beyond the end.
    pub(super) fn check_reaches(&self, sequence: Seq, what: &str) -> Result<()> {
        let top = self.top();
        if sequence > top {
            let text = format!("{sequence} is beyond the latest entry of the {what}, which is {top}");
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
        match (tag, self.get(sequence)) {
            (Some(_), Some(entry)) => entry.tag == tag,
            _ => true,
        }
    }

    /// Returns a page, and whether there are further entries in its direction.
    ///
    /// `read` makes of an entry what a reader gets.
    pub(super) fn page(&self, request: PageRequest, read: impl Fn(&Entry) -> Entry) -> (Vec<Entry>, bool) {
        let request = self.begun_by_time(request);
        let Some((first, last)) = request.bounds(self.floor, self.top()) else {
            return (Vec::new(), false);
        };
        let begin = self.entries.partition_point(|entry| entry.sequence < first);
        let end = self.entries.partition_point(|entry| entry.sequence <= last);
        let mut entries: Vec<Entry> = self.entries[begin..end].iter().map(read).collect();
        if request.backward {
            let left_out = entries.len() - fitting(entries.iter().rev());
            entries.drain(..left_out);
            (entries, begin + left_out > 0)
        } else {
            let fits = fitting(entries.iter());
            entries.truncate(fits);
            (entries, begin + fits < self.entries.len())
        }
    }

    /// Returns the request with the sequence that its time stands for, if it has one.
    fn begun_by_time(&self, request: PageRequest) -> PageRequest {
        let Some(at_ms) = request.at_ms else { return request };
        // Times never fall in a history, so the entries before that time come first.
        let earlier = self.entries.partition_point(|entry| entry.at_ms < at_ms);
        let last_read = if request.backward {
            // Without an entry of that time or later all are before it, as 0 says.
            self.entries.get(earlier).map_or(Seq::ZERO, |entry| entry.sequence)
        } else {
            self.floor_without(earlier as u64)
        };
        PageRequest { last_read, ..request }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Count, Message};

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    /// A box with an entry of each of these times.
    fn entry_box(times: &[u64]) -> EntryBox {
        let mut entries = EntryBox::default();
        for at_ms in times {
            entries.push(Entry { at_ms: *at_ms, ..Entry::new(Seq::ZERO, Message::from_stored("{}")) });
        }
        entries
    }

    fn page(entries: &EntryBox, request: PageRequest) -> (Vec<u64>, bool) {
        let (page, more) = entries.page(request, Entry::clone);
        (page.iter().map(|entry| entry.sequence.get()).collect(), more)
    }

    #[test]
    fn a_time_begins_a_page_with_its_first_entry_and_ends_one_before_it() {
        let mut entries = entry_box(&[10, 20, 20, 30]);
        let since = |entries: &EntryBox, at_ms| page(entries, PageRequest::since(at_ms, Count::new(2)));
        let until = |entries: &EntryBox, at_ms| page(entries, PageRequest::until(at_ms, Count::new(2)));
        assert_eq!(since(&entries, 0), (vec![1, 2], true));
        assert_eq!(since(&entries, 20), (vec![2, 3], true));
        assert_eq!(since(&entries, 21), (vec![4], false));
        assert_eq!(since(&entries, 31), (vec![], false));
        assert_eq!(until(&entries, 31), (vec![3, 4], true));
        assert_eq!(until(&entries, 30), (vec![2, 3], true));
        assert_eq!(until(&entries, 20), (vec![1], false));
        assert_eq!(until(&entries, 10), (vec![], false));
        entries.free(seq(2));
        assert_eq!(since(&entries, 0), (vec![3, 4], false));
        assert_eq!(until(&entries, 20), (vec![], false));
        entries.free(seq(4));
        assert_eq!((since(&entries, 0), until(&entries, 99)), ((vec![], false), (vec![], false)));
    }

    #[test]
    fn what_is_freed_is_returned_and_the_top_and_the_last_time_stay() {
        let mut entries = entry_box(&[10, 20, 30]);
        assert_eq!(entries.free(seq(2)).len(), 2);
        assert!(entries.free(seq(1)).is_empty());
        assert_eq!((entries.floor(), entries.top()), (seq(2), seq(3)));
        assert_eq!(entries.free(seq(3)).len(), 1);
        assert!(entries.is_empty());
        assert_eq!((entries.top(), entries.last_ms()), (seq(3), 30));
        assert_eq!(entries.push(Entry::new(Seq::ZERO, Message::from_stored("{}"))).sequence, seq(4));
    }

    #[test]
    fn the_oldest_go_once_there_are_too_many_and_not_before() {
        let keep = Keep::everything().entries(10);
        assert_eq!(entry_box(&[1; 11]).floor_by_number(keep), Seq::ZERO, "a tenth more may stay");
        assert_eq!(entry_box(&[1; 12]).floor_by_number(keep), seq(2));
        assert_eq!(entry_box(&[1; 12]).floor_by_number(Keep::everything()), Seq::ZERO);
        let mut freed = entry_box(&[1; 12]);
        freed.free(seq(1));
        assert_eq!(freed.floor_by_number(keep), seq(1));
    }

    #[test]
    fn an_entry_goes_when_it_is_as_old_as_it_may_be() {
        let keep = Keep::everything().age(Duration::from_secs(1));
        let entries = entry_box(&[10, 20, 20, 30]);
        assert_eq!(entries.floor_by_age(keep, 1_009), Seq::ZERO);
        assert_eq!(entries.floor_by_age(keep, 1_010), seq(1));
        assert_eq!(entries.floor_by_age(keep, 1_020), seq(3));
        assert_eq!(entries.floor_by_age(keep, 9_999), seq(4));
        assert_eq!(entries.floor_by_age(Keep::everything(), 9_999), Seq::ZERO);
    }
}
