//! Whose inboxes are followed, by how many connections.
//!
//! This module is pure.

use std::collections::HashMap;

use timeline::MemberId;

/// The members whose inboxes are followed, each with what shows it to a store.
#[derive(Debug)]
pub(super) struct Followed<S> {
    members: HashMap<MemberId, Follow<S>>,
}

#[derive(Debug)]
struct Follow<S> {
    /// How many channels of connections it is; there is one at least.
    channels: usize,
    /// None until there is a store.
    shown: Option<S>,
}

impl<S> Followed<S> {
    /// Notes one more channel, which for the first of a member has `show` show it to the store.
    pub(super) fn add(&mut self, member: MemberId, show: impl FnOnce(&MemberId) -> Option<S>) {
        if let Some(follow) = self.members.get_mut(&member) {
            follow.channels += 1;
            return;
        }
        let shown = show(&member);
        self.members.insert(member, Follow { channels: 1, shown });
    }

    /// Notes one channel less, and returns what showed the member if it was the last one.
    pub(super) fn remove(&mut self, member: &MemberId) -> Option<S> {
        let follow = self.members.get_mut(member)?;
        follow.channels -= 1;
        if follow.channels > 0 {
            return None;
        }
        let removed = self.members.remove(member)?;
        // Room for many is given back after they have left, and not with each one.
        if self.members.len() * 4 < self.members.capacity() {
            self.members.shrink_to(self.members.len() * 2);
        }
        removed.shown
    }

    /// Shows all of them to a store.
    pub(super) fn show_all(&mut self, mut show: impl FnMut(&MemberId) -> S) {
        for (member, follow) in &mut self.members {
            follow.shown = Some(show(member));
        }
    }
}

impl<S> Default for Followed<S> {
    fn default() -> Self {
        Self { members: HashMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str) -> MemberId {
        MemberId::new(id).unwrap()
    }

    #[test]
    fn a_member_is_shown_with_the_first_channel_and_hidden_with_the_last() {
        let mut followed = Followed::default();
        followed.add(member("bob"), |bob| Some(bob.to_string()));
        followed.add(member("bob"), |_| panic!("bob is shown"));
        assert_eq!(followed.remove(&member("eve")), None);
        assert_eq!(followed.remove(&member("bob")), None);
        assert_eq!(followed.remove(&member("bob")), Some("bob".to_owned()));
        assert_eq!(followed.remove(&member("bob")), None);
        assert!(followed.members.is_empty());
    }

    #[test]
    fn who_was_there_before_the_store_is_shown_to_it() {
        let mut followed = Followed::default();
        followed.add(member("bob"), |_| None);
        followed.add(member("eve"), |_| None);
        assert_eq!(followed.remove(&member("eve")), None);
        followed.show_all(ToString::to_string);
        assert_eq!(followed.remove(&member("bob")), Some("bob".to_owned()));
    }

    #[test]
    fn many_who_have_left_take_no_room() {
        let mut followed = Followed::default();
        for number in 0..10_000 {
            followed.add(member(&format!("m{number}")), |_| Some(()));
        }
        for number in 0..10_000 {
            assert_eq!(followed.remove(&member(&format!("m{number}"))), Some(()));
        }
        assert!(followed.members.capacity() < 16, "{}", followed.members.capacity());
    }
}
