//! The changes of a batch, merged: what is left to tell of each member.

use std::collections::HashMap;

use super::diff::Diff;
use super::event::{Action, RoomEvent};
use super::member::Member;
use super::payload::Payload;
use crate::name::Id;
use crate::position::Position;

/// What changed since the last diff.
#[derive(Debug, Default)]
pub(super) struct PendingDiff {
    changes: HashMap<Id, Change>,
    count: u64,
    position: Option<Position>,
}

#[derive(Debug)]
enum Change {
    Joined(Payload),
    Updated(Payload),
    Left,
}

impl PendingDiff {
    pub(super) fn len(&self) -> usize {
        self.changes.len()
    }

    /// Takes a part of a snapshot, before which nobody was known.
    pub(super) fn present(&mut self, member: Member) {
        self.changes.insert(member.id, Change::Joined(member.payload));
    }

    pub(super) fn absent(&mut self, id: &Id) {
        self.changes.remove(id);
    }

    pub(super) fn change(&mut self, event: RoomEvent) {
        let before = self.changes.remove(&event.id);
        let after = match (before, event.action) {
            // The member was not there when the batch began, so it has joined, whatever it did
            // since.
            (None | Some(Change::Joined(_)), Action::Joined(payload)) => Some(Change::Joined(payload)),
            (Some(Change::Joined(_)), Action::Updated(payload)) => Some(Change::Joined(payload)),
            (Some(Change::Joined(_)), Action::Left(_)) => None,
            // The member was there when the batch began, so it has been updated.
            (Some(Change::Left | Change::Updated(_)), Action::Joined(payload))
            | (None | Some(Change::Left | Change::Updated(_)), Action::Updated(payload)) => {
                Some(Change::Updated(payload))
            }
            (None | Some(Change::Left | Change::Updated(_)), Action::Left(_)) => Some(Change::Left),
        };
        if let Some(after) = after {
            self.changes.insert(event.id, after);
        }
        // Also if nothing is left to tell of this member: others of the batch are told with this
        // count.
        self.count = event.count;
        self.position = Some(event.position);
    }

    /// Returns what is left to tell, if anything is.
    pub(super) fn diff(&mut self) -> Option<Diff> {
        if self.changes.is_empty() {
            return None;
        }
        let mut diff = Diff {
            joined: Vec::new(),
            updated: Vec::new(),
            left: Vec::new(),
            count: self.count,
            position: self.position.clone(),
        };
        for (id, change) in self.changes.drain() {
            match change {
                Change::Joined(payload) => diff.joined.push(Member::new(id, payload)),
                Change::Updated(payload) => diff.updated.push(Member::new(id, payload)),
                Change::Left => diff.left.push(id),
            }
        }
        Some(diff)
    }

    /// Returns a complete snapshot, which is true at `position`, in diffs of at most `limit`
    /// members.
    pub(super) fn snapshot(&mut self, limit: usize, position: &Position) -> impl Iterator<Item = Diff> {
        self.position = Some(position.clone());
        self.count = self.changes.len() as u64;
        let all = self.diff().map_or(Vec::new(), |diff| diff.joined);
        let diffs = all.len().div_ceil(limit).max(1);
        let (count, position) = (self.count, position.clone());
        let mut rest = all.into_iter();
        (1..=diffs).map(move |number| Diff {
            joined: rest.by_ref().take(limit).collect(),
            updated: Vec::new(),
            left: Vec::new(),
            count,
            position: (number == diffs).then(|| position.clone()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::event::Cause;

    fn payload(text: &str) -> Payload {
        Payload::new(text).unwrap()
    }

    /// What is left of a few actions of one id.
    fn left(actions: &[Action]) -> String {
        let (mut pending, id) = (PendingDiff::default(), Id::new("a").unwrap());
        for (number, action) in (1..).zip(actions) {
            let (at, position) = (SystemTime::UNIX_EPOCH, Position::new(1, number));
            pending.change(RoomEvent::new(id.clone(), action.clone(), number, at, position));
        }
        let Some(diff) = pending.diff() else { return String::new() };
        assert_eq!(diff.count, actions.len() as u64);
        assert_eq!(diff.position, Some(Position::new(1, actions.len() as u64)));
        let joined = diff.joined.iter().map(|member| format!("joined {:?}", member.payload));
        let updated = diff.updated.iter().map(|member| format!("updated {:?}", member.payload));
        joined.chain(updated).chain(diff.left.iter().map(|_| "left".to_owned())).collect()
    }

    #[test]
    fn what_cancels_out_is_not_told() {
        let join = |text| Action::Joined(payload(text));
        let update = |text| Action::Updated(payload(text));
        let leave = || Action::Left(Cause::Ended);
        for (actions, told) in [
            (vec![join("x")], "joined \"x\""),
            (vec![join("x"), update("y")], "joined \"y\""),
            (vec![join("x"), leave()], ""),
            (vec![join("x"), leave(), join("y")], "joined \"y\""),
            (vec![leave()], "left"),
            (vec![update("x"), leave()], "left"),
            (vec![leave(), join("x")], "updated \"x\""),
            (vec![leave(), join("x"), update("y")], "updated \"y\""),
            (vec![leave(), join("x"), leave()], "left"),
            (vec![update("x"), update("y")], "updated \"y\""),
        ] {
            assert_eq!(left(&actions), told, "{actions:?}");
        }
    }

    #[test]
    fn snapshot_is_one_diff_at_least_and_the_last_has_its_position() {
        for (members, limit, sizes) in [(0, 3, vec![0]), (3, 3, vec![3]), (7, 3, vec![3, 3, 1])] {
            let mut pending = PendingDiff::default();
            for member in 0..members + 2 {
                pending.present(Member::new(Id::new(&format!("{member}")).unwrap(), payload("x")));
            }
            pending.absent(&Id::new("0").unwrap());
            pending.absent(&Id::new("1").unwrap());
            let diffs: Vec<_> = pending.snapshot(limit, &Position::new(1, 9)).collect();
            assert_eq!(diffs.iter().map(|diff| diff.joined.len()).collect::<Vec<_>>(), sizes);
            assert!(diffs.iter().all(|diff| diff.count == members));
            let (last, others) = diffs.split_last().unwrap();
            assert_eq!(last.position, Some(Position::new(1, 9)));
            assert!(others.iter().all(|diff| diff.position.is_none()));
            assert!(pending.diff().is_none());
        }
    }
}
