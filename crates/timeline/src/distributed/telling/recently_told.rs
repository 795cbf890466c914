//! Up to where inboxes were told that nobody watches.
//!
//! This module is pure.

use std::collections::HashMap;
use std::mem;

use crate::{MemberId, Seq};

/// The last sequences that were told, of the inboxes to which that happened last.
///
/// An entry that comes after a later one was told is found by this, and left out.
#[derive(Debug, Default)]
pub(super) struct RecentlyTold {
    new: HashMap<MemberId, Seq>,
    old: HashMap<MemberId, Seq>,
}

/// How many inboxes there are in each of the two.
const INBOXES_MAX: usize = 8_192;

impl RecentlyTold {
    /// Returns up to where an inbox was told, if that is known.
    pub(super) fn get(&self, member: &MemberId) -> Option<Seq> {
        self.new.get(member).or_else(|| self.old.get(member)).copied()
    }

    /// Notes that an inbox is told up to here; `false` if it was already.
    pub(super) fn rise(&mut self, member: &MemberId, sequence: Seq) -> bool {
        if self.get(member).is_some_and(|told| sequence <= told) {
            return false;
        }
        if self.new.len() >= INBOXES_MAX && !self.new.contains_key(member) {
            self.old = mem::take(&mut self.new);
        }
        self.new.insert(member.clone(), sequence);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_inboxes_are_known_and_no_more_than_fit() {
        let (mut told, seq) = (RecentlyTold::default(), |number| Seq::new(number).unwrap());
        let member = |number: usize| MemberId::new(format!("m{number}")).unwrap();
        for number in 0..5 * INBOXES_MAX / 2 {
            assert!(told.rise(&member(number), seq(2)));
            assert!(!told.rise(&member(number), seq(2)) && !told.rise(&member(number), seq(1)));
        }
        assert!(told.new.len() + told.old.len() <= 2 * INBOXES_MAX);
        assert_eq!(told.get(&member(0)), None);
        assert!(told.rise(&member(5 * INBOXES_MAX / 2 - 1), seq(3)));
        assert_eq!(told.get(&member(3 * INBOXES_MAX / 2)), Some(seq(2)));
    }
}
