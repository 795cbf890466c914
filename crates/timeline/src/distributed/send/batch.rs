//! What one batch takes, and which boxes it writes to.
//!
//! This module is pure.

use std::collections::HashMap;

use super::operation::Places;
use crate::MemberId;
use crate::distributed::box_id::BoxId;
use crate::distributed::sequencer::{Reserved, Want};
use crate::store::Append;
use crate::{Result, Seq};

/// The most sends of a batch.
const SENDS_MAX: usize = 256;

/// The most bytes that the texts of a batch have, unless a single send has more.
///
/// Each copy has the text of its own: a batch is in memory, and goes to MongoDB, with all of them.
const BYTES_MAX: usize = 32 * 1024 * 1024;

/// The most copies of a batch, unless a single send has more.
const COPIES_MAX: usize = 10_000;

/// How much of a batch is taken.
#[derive(Debug, Default)]
pub(super) struct Taken {
    sends: usize,
    bytes: usize,
    copies: usize,
}

impl Taken {
    /// Adds a send if it has room; the first one always has.
    pub(super) fn add(&mut self, append: &Append) -> bool {
        let copies = append.recipients.len();
        let bytes = append.message.as_str().len().saturating_mul(copies.saturating_add(1));
        let has_room = self.sends < SENDS_MAX
            && self.bytes.saturating_add(bytes) <= BYTES_MAX
            && self.copies + copies <= COPIES_MAX;
        if self.sends > 0 && !has_room {
            return false;
        }
        self.sends += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.copies += copies;
        true
    }
}

/// The boxes that operations write to, each once, with how many entries each gets.
#[derive(Debug, Default)]
pub(super) struct Boxes {
    wanted: Vec<(BoxId, u64)>,
    at: HashMap<BoxId, usize>,
}

impl Boxes {
    /// Adds one entry of a history and its copies.
    pub(super) fn add_send<'m>(&mut self, history: &BoxId, members: impl IntoIterator<Item = &'m MemberId>) {
        self.add(history.clone());
        for member in members {
            self.add(BoxId::inbox(member));
        }
    }

    /// Adds one entry of a box.
    pub(super) fn add(&mut self, boxed: BoxId) {
        if let Some((_, count)) = self.at.get(&boxed).and_then(|at| self.wanted.get_mut(*at)) {
            *count += 1;
        } else {
            self.at.insert(boxed.clone(), self.wanted.len());
            self.wanted.push((boxed, 1));
        }
    }

    pub(super) fn wants(&self) -> Vec<Want<'_>> {
        self.wanted.iter().map(|(boxed, count)| Want { boxed, count: *count }).collect()
    }

    /// Takes in what was reserved, in the order of [`wants`](Self::wants).
    pub(super) fn reserved(self, reserved: &[Reserved]) -> Given {
        let next = self.wanted.into_iter().zip(reserved);
        Given(next.map(|((boxed, _), given)| (boxed, (given.first, given.at_ms))).collect())
    }
}

/// The sequences that were reserved, box by box.
#[derive(Debug)]
pub(super) struct Given(HashMap<BoxId, (Seq, u64)>);

impl Given {
    /// Takes the next sequence of a box, with the time that its entry has.
    pub(super) fn take(&mut self, boxed: &BoxId) -> Result<(Seq, u64)> {
        let Some((next, at_ms)) = self.0.get_mut(boxed) else { return Err(not_given(boxed)) };
        let taken = (*next, *at_ms);
        *next = next.next();
        Ok(taken)
    }

    /// Takes the places of one entry of a history and its copies.
    pub(super) fn take_send<'m>(
        &mut self,
        history: &BoxId,
        members: impl IntoIterator<Item = &'m MemberId>,
    ) -> Result<Places> {
        let (place, at_ms) = self.take(history)?;
        let copies = members.into_iter().map(|member| Ok(self.take(&BoxId::inbox(member))?.0));
        Ok(Places { place, at_ms, copies: copies.collect::<Result<_>>()? })
    }
}

fn not_given(boxed: &BoxId) -> crate::Error {
    let text = format!("no sequence was given out for the box {boxed}; send again");
    crate::Error::new(crate::ErrorKind::Unavailable, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Conversation, Destination, Message};

    fn member(id: &str) -> MemberId {
        MemberId::new(id).unwrap()
    }

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    fn append(recipients: usize, bytes: usize) -> Append {
        Append {
            conversation: Conversation::single(member("a"), member("b")),
            from: Some(member("a")),
            to: Destination::Member(member("b")),
            recipients: (0..recipients).map(|number| member(&format!("m{number}"))).collect(),
            message: Message::from_stored(format!("{{\"t\":\"{}\"}}", "x".repeat(bytes))),
            token: None,
        }
    }

    #[test]
    fn a_batch_ends_with_its_bounds_and_takes_a_single_send_of_any_size() {
        let mut taken = Taken::default();
        assert!((0..SENDS_MAX).all(|_| taken.add(&append(2, 1))));
        assert!(!taken.add(&append(1, 1)));
        for large in [append(COPIES_MAX + 1, 1), append(1, BYTES_MAX + 1)] {
            let mut taken = Taken::default();
            assert!(taken.add(&large));
            assert!(!taken.add(&append(1, 1)));
            let mut taken = Taken::default();
            assert!(taken.add(&append(1, 1)));
            assert!(!taken.add(&large));
        }
    }

    #[test]
    fn a_text_counts_once_for_its_entry_and_once_for_each_copy() {
        // With the braces and the name of its field.
        let text = 64 * 1024 - r#"{"t":""}"#.len();
        let sends_of = |copies: usize| {
            let mut taken = Taken::default();
            (0..SENDS_MAX).take_while(|_| taken.add(&append(copies, text))).count()
        };
        assert_eq!((sends_of(1), sends_of(127), sends_of(500)), (256, 4, 1));
    }

    #[test]
    fn sequences_are_given_in_the_order_of_the_sends() {
        let history = BoxId::history(&Conversation::single(member("a"), member("b")));
        let (a, b, c) = (member("a"), member("b"), member("c"));
        let mut boxes = Boxes::default();
        for members in [[&a, &b], [&b, &c]] {
            boxes.add_send(&history, members);
        }
        let counts: Vec<_> = boxes.wants().iter().map(|want| want.count).collect();
        assert_eq!(counts, [2, 1, 2, 1]);
        let reserved: Vec<_> = [10, 20, 30, 40]
            .map(|first| Reserved { first: seq(first), at_ms: first, floor_hint: Seq::ZERO })
            .into();
        let mut given = boxes.reserved(&reserved);
        let places = |place: u64, copies: [u64; 2]| Places {
            place: seq(place),
            at_ms: 10,
            copies: copies.map(seq).into(),
        };
        assert_eq!(given.take_send(&history, [&a, &b]).unwrap(), places(10, [20, 30]));
        assert_eq!(given.take_send(&history, [&b, &c]).unwrap(), places(11, [31, 40]));
        assert!(given.take(&BoxId::inbox(&member("d"))).is_err());
    }

    #[test]
    fn an_inbox_and_a_history_of_one_id_are_two_boxes() {
        let history = BoxId::history(&Conversation::single(member("a"), member("b")));
        let mut boxes = Boxes::default();
        boxes.add_send(&history, [&member("seq:a:b")]);
        assert_eq!(boxes.wants().len(), 2);
    }
}
