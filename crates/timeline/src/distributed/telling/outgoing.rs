//! What is still to be said to the other nodes.
//!
//! This module is pure.

use std::collections::{HashMap, HashSet};
use std::mem;

use super::notice::NoticeText;
use crate::distributed::entry_id::EntryId;
use crate::{Conversation, MemberId, ReadCursor, Seq};

/// What is still to be said to the other nodes, each inbox and each cursor once.
///
/// So what is new while a message is on its way, or while nobody can be reached, goes together.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// The first and the last new sequence of each inbox, both 0 if it was only freed.
    inboxes: HashMap<MemberId, (Seq, Seq)>,
    /// Whom it concerns, who has read, and what.
    cursors: HashMap<(MemberId, MemberId, Conversation), Seq>,
    /// The rows of members who have left their groups.
    left: HashSet<EntryId>,
    /// Members who were forgotten.
    forgotten: HashSet<MemberId>,
    /// Whether there were more inboxes or cursors than fit.
    all: bool,
}

/// How many inboxes are noted at most, and how many of all else.
const ITEMS_MAX: usize = 65_536;

impl Outgoing {
    /// Notes a new entry of an inbox; 0 if it was freed.
    ///
    /// Of more inboxes than fit the others are told to look at all.
    pub(super) fn add_inbox(&mut self, member: &MemberId, sequence: Seq) {
        if let Some((first, top)) = self.inboxes.get_mut(member) {
            if sequence > Seq::ZERO {
                *first = if *first == Seq::ZERO { sequence } else { sequence.min(*first) };
                *top = sequence.max(*top);
            }
        } else if self.inboxes.len() < ITEMS_MAX {
            self.inboxes.insert(member.clone(), (sequence, sequence));
        } else {
            self.all = true;
        }
    }

    /// Notes that a cursor rose which concerns a member.
    ///
    /// Of more than fit the others are told that they may lack some.
    pub(super) fn add_cursor(&mut self, told: &MemberId, cursor: &ReadCursor) {
        let key = (told.clone(), cursor.member.clone(), cursor.conversation.clone());
        if let Some(read) = self.cursors.get_mut(&key) {
            *read = cursor.read.max(*read);
        } else if self.cursors.len() < ITEMS_MAX {
            self.cursors.insert(key, cursor.read);
        } else {
            self.all = true;
        }
    }

    /// Notes the row of a member who has left a group.
    ///
    /// One that does not fit is left out: what other nodes know of a row ends by itself.
    pub(super) fn add_left(&mut self, row: EntryId) {
        if self.left.len() < ITEMS_MAX {
            self.left.insert(row);
        }
    }

    /// Notes a member who was forgotten; as [`add_left`](Self::add_left) does.
    pub(super) fn add_forgotten(&mut self, member: &MemberId) {
        if self.forgotten.len() < ITEMS_MAX {
            self.forgotten.insert(member.clone());
        }
    }

    /// Returns all of it as texts that a node with this name says.
    pub(super) fn into_texts(self, node: &str) -> Vec<String> {
        let Self { inboxes, cursors, left, forgotten, all } = self;
        let (mut texts, mut text) = (Vec::new(), NoticeText::new(node, all));
        for (member, (first, top)) in &inboxes {
            if !text.add_inbox(member, *first, *top) {
                end_text(&mut text, node, &mut texts);
                text.add_inbox(member, *first, *top);
            }
        }
        for ((told, member, conversation), read) in &cursors {
            if !text.add_cursor(told, member, conversation, *read) {
                end_text(&mut text, node, &mut texts);
                text.add_cursor(told, member, conversation, *read);
            }
        }
        for row in &left {
            if !text.add_left(row) {
                end_text(&mut text, node, &mut texts);
                text.add_left(row);
            }
        }
        for member in &forgotten {
            if !text.add_forgotten(member) {
                end_text(&mut text, node, &mut texts);
                text.add_forgotten(member);
            }
        }
        if !text.is_empty() {
            end_text(&mut text, node, &mut texts);
        }
        texts
    }
}

/// Ends a text, and begins the next one.
fn end_text<'a>(text: &mut NoticeText<'a>, node: &'a str, texts: &mut Vec<String>) {
    texts.push(mem::replace(text, NoticeText::new(node, false)).into_json());
}

#[cfg(test)]
mod tests {
    use super::super::notice::HeardNotice;
    use super::*;

    fn member(number: usize) -> MemberId {
        MemberId::new(format!("m{number}")).unwrap()
    }

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    fn heard(outgoing: &mut Outgoing) -> Vec<HeardNotice> {
        let texts = mem::take(outgoing).into_texts("9f");
        texts.iter().map(|text| HeardNotice::parse(text.as_bytes()).unwrap()).collect()
    }

    #[test]
    fn what_is_new_of_one_inbox_or_cursor_is_said_once() {
        let mut outgoing = Outgoing::default();
        for number in [7, 0, 5, 6] {
            outgoing.add_inbox(&member(1), seq(number));
        }
        outgoing.add_inbox(&member(2), Seq::ZERO);
        let pair = Conversation::single(member(1), member(2));
        for read in [3, 9, 4] {
            outgoing.add_cursor(&member(2), &ReadCursor::new(member(1), pair.clone(), seq(read)));
        }
        let mut said = heard(&mut outgoing).remove(0);
        said.inboxes.sort();
        assert_eq!(said.inboxes, [(member(1), seq(5), seq(7)), (member(2), Seq::ZERO, Seq::ZERO)]);
        assert_eq!(said.cursors, [(member(2), ReadCursor::new(member(1), pair, seq(9)))]);
        assert!(!said.all && heard(&mut outgoing).is_empty(), "and then nothing is left");
    }

    #[test]
    fn an_inbox_that_was_freed_and_then_grew_has_a_first_entry() {
        let mut outgoing = Outgoing::default();
        outgoing.add_inbox(&member(1), Seq::ZERO);
        outgoing.add_inbox(&member(1), seq(5));
        assert_eq!(heard(&mut outgoing)[0].inboxes, [(member(1), seq(5), seq(5))]);
    }

    #[test]
    fn departures_are_said_once() {
        let (mut outgoing, row) = (Outgoing::default(), EntryId::Ours([7; 16]));
        for _ in 0..2 {
            outgoing.add_left(row);
            outgoing.add_forgotten(&member(1));
        }
        let said = heard(&mut outgoing);
        assert_eq!(said.len(), 1);
        assert_eq!((&*said[0].left, &*said[0].forgotten), (&[row][..], &[member(1)][..]));
        assert!(heard(&mut outgoing).is_empty());
    }

    #[test]
    fn more_than_fits_is_a_reason_to_look_at_all() {
        let mut outgoing = Outgoing::default();
        for number in 0..=ITEMS_MAX {
            outgoing.add_inbox(&member(number), seq(1));
        }
        let said = heard(&mut outgoing);
        assert!(said.len() > 1, "a message is bounded");
        assert_eq!(said.iter().map(|notice| notice.inboxes.len()).sum::<usize>(), ITEMS_MAX);
        assert_eq!(said.iter().filter(|notice| notice.all).count(), 1);
    }

    #[test]
    fn more_cursors_than_fit_are_a_reason_to_ask_for_all() {
        let (mut outgoing, reader) = (Outgoing::default(), member(0));
        for number in 1..=ITEMS_MAX + 1 {
            let pair = Conversation::single(reader.clone(), member(number));
            outgoing.add_cursor(&reader, &ReadCursor::new(reader.clone(), pair, seq(1)));
        }
        let said = heard(&mut outgoing);
        assert_eq!(said.iter().map(|notice| notice.cursors.len()).sum::<usize>(), ITEMS_MAX);
        assert_eq!(said.iter().filter(|notice| notice.all).count(), 1);
    }
}
