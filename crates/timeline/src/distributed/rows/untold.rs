//! Cursors that may have risen, and of which nobody was told.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::super::entry_id::EntryId;
use crate::{ReadCursor, Seq};

/// How many are noted at most; of one that finds no room nobody is told unless it rises again.
const CURSORS_MAX: usize = 65_536;

/// How many are raised at once.
const RAISES_MAX: usize = 512;

/// The cursors of which nobody was told yet.
#[derive(Debug, Default)]
pub(in crate::distributed) struct UntoldCursors(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    /// By row; up to where each was to rise.
    cursors: HashMap<EntryId, ReadCursor>,
    /// Whether a task sees to them.
    is_attended: bool,
}

impl UntoldCursors {
    /// Notes cursors, and returns whether somebody has to begin to see to them.
    pub(super) fn note(&self, cursors: Vec<(EntryId, ReadCursor)>) -> bool {
        let mut noted = self.0.lock();
        for (row, cursor) in cursors {
            if let Some(known) = noted.cursors.get_mut(&row) {
                known.read = known.read.max(cursor.read);
            } else if noted.cursors.len() < CURSORS_MAX {
                noted.cursors.insert(row, cursor);
            }
        }
        let begins = !noted.is_attended && !noted.cursors.is_empty();
        noted.is_attended |= begins;
        begins
    }

    /// Tells of cursors that rose, and forgets what was to be told of them and is no higher.
    ///
    /// Whoever calls it has raised them in the turn that it holds, as who calls
    /// [`settle`](Self::settle). So this node tells of no cursor behind a higher one.
    pub(super) fn told(&self, cursors: &[(EntryId, ReadCursor)], mut tell: impl FnMut(&ReadCursor)) {
        let mut noted = self.0.lock();
        for (row, cursor) in cursors {
            if noted.cursors.get(row).is_some_and(|known| known.read <= cursor.read) {
                noted.cursors.remove(row);
            }
            tell(cursor);
        }
    }

    /// Returns the next ones, with how far they are to rise; none if the task has to end.
    pub(super) fn next(&self) -> Option<Vec<(EntryId, Seq)>> {
        let mut noted = self.0.lock();
        let next = noted.cursors.iter().take(RAISES_MAX).map(|(row, cursor)| (*row, cursor.read));
        let next: Vec<_> = next.collect();
        noted.is_attended = !next.is_empty();
        noted.is_attended.then_some(next)
    }

    /// Forgets one that cannot rise; false if it is not noted any more.
    pub(super) fn give_up(&self, row: &EntryId) -> bool {
        self.0.lock().cursors.remove(row).is_some()
    }

    /// Tells of those that are as far as they were to rise, with how far that is.
    ///
    /// One without a row is forgotten, as its member was.
    pub(super) fn settle(
        &self,
        cursors: &[(EntryId, Seq)],
        stored: impl Fn(&EntryId) -> Option<Seq>,
        mut tell: impl FnMut(&ReadCursor),
    ) {
        let mut noted = self.0.lock();
        for (row, _) in cursors {
            let stored = stored(row);
            // One that was to rise further meanwhile is raised again.
            let is_known =
                noted.cursors.get(row).is_some_and(|known| stored.is_none_or(|at| known.read <= at));
            if is_known
                && let Some(cursor) = noted.cursors.remove(row)
                && let Some(read) = stored
            {
                tell(&ReadCursor { read, ..cursor });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Conversation, MemberId};

    const ROW: EntryId = EntryId::Ours([7; 16]);

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    fn cursor(read: u64) -> ReadCursor {
        let member = |id| MemberId::new(id).unwrap();
        ReadCursor::new(member("a"), Conversation::single(member("a"), member("b")), seq(read))
    }

    /// Settles the one row as it is stored, and returns what was told.
    fn settled(untold: &UntoldCursors, asked: u64, stored: Option<u64>) -> Vec<u64> {
        let mut told = Vec::new();
        untold.settle(&[(ROW, seq(asked))], |_| stored.map(seq), |cursor| told.push(cursor.read.get()));
        told
    }

    #[test]
    fn a_cursor_is_told_once_it_is_as_far_as_it_was_to_rise() {
        let untold = UntoldCursors::default();
        assert!(untold.next().is_none());
        assert!(untold.note(vec![(ROW, cursor(5))]));
        assert!(!untold.note(vec![(ROW, cursor(4))]), "somebody sees to it");
        assert_eq!(untold.next(), Some(vec![(ROW, seq(5))]));
        untold.note(vec![(ROW, cursor(7))]);
        assert!(settled(&untold, 5, Some(6)).is_empty(), "it was to rise further meanwhile");
        assert_eq!(settled(&untold, 7, Some(9)), [9]);
        assert!(settled(&untold, 7, Some(9)).is_empty());
        assert!(untold.next().is_none() && untold.note(vec![(ROW, cursor(1))]));
    }

    #[test]
    fn what_was_told_by_a_later_call_is_not_told_again() {
        let untold = UntoldCursors::default();
        untold.note(vec![(ROW, cursor(5))]);
        let mut told = Vec::new();
        untold.told(&[(ROW, cursor(4))], |cursor| told.push(cursor.read.get()));
        assert!(untold.next().is_some(), "5 is still to be told");
        untold.told(&[(ROW, cursor(6))], |cursor| told.push(cursor.read.get()));
        assert_eq!(told, [4, 6]);
        assert!(untold.next().is_none());
    }

    #[test]
    fn a_cursor_that_cannot_rise_keeps_no_other_back() {
        let (untold, other) = (UntoldCursors::default(), EntryId::Ours([8; 16]));
        untold.note(vec![(ROW, cursor(5)), (other, cursor(6))]);
        assert!(untold.give_up(&ROW) && !untold.give_up(&ROW), "it is told once");
        assert_eq!(untold.next(), Some(vec![(other, seq(6))]));
    }

    #[test]
    fn a_cursor_whose_member_was_forgotten_is_told_to_nobody() {
        let untold = UntoldCursors::default();
        untold.note(vec![(ROW, cursor(5))]);
        assert!(settled(&untold, 5, None).is_empty() && untold.next().is_none());
    }
}
