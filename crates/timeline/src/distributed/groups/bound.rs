//! How many members a group may have here.

use crate::group::check_members;
use crate::store::{Append, GroupChange};
use crate::{Error, Result};

/// The most members that a group may have here: a send is one copy for each.
///
/// More are refused, also where [`group_members_max`](crate::Config::group_members_max) allows
/// them.
pub const GROUP_MEMBERS_MAX: usize = 5_000;

/// Refuses a send to more inboxes than a group may have members.
pub(in crate::distributed) fn check_send(append: &Append) -> Result<()> {
    let members = append.recipients.len();
    if members > GROUP_MEMBERS_MAX {
        let text =
            format!("the list has {members} distinct members; at most {GROUP_MEMBERS_MAX} are allowed");
        return Err(Error::invalid(text).in_field("group_members"));
    }
    Ok(())
}

/// Refuses a group of too many members, and lets no more than those join one.
pub(super) fn bounded(mut change: GroupChange) -> Result<GroupChange> {
    match &mut change {
        GroupChange::Create { members, .. } => {
            check_members(members.iter().map(|known| &known.member), GROUP_MEMBERS_MAX)?;
        }
        GroupChange::Join { members_max, .. } => *members_max = GROUP_MEMBERS_MAX.min(*members_max),
        _ => {}
    }
    Ok(change)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Conversation, Destination, ErrorKind, GroupMember, GroupName, MemberId, Message, Role};

    fn members(count: usize) -> Vec<MemberId> {
        (0..count).map(|number| MemberId::new(format!("m{number}")).unwrap()).collect()
    }

    fn create(count: usize) -> GroupChange {
        let members = members(count).into_iter();
        let members = members.map(|member| GroupMember::new(member, Role::Member)).collect();
        GroupChange::Create { title: String::new(), open: false, members, without_history: false }
    }

    #[test]
    fn a_send_to_more_than_the_largest_group_is_refused() {
        let send = |count: usize| {
            let tea = GroupName::new("tea").unwrap();
            check_send(&Append {
                conversation: Conversation::group(tea.clone()),
                from: None,
                to: Destination::Group(tea),
                recipients: members(count),
                message: Message::new("{}").unwrap(),
                token: None,
            })
        };
        send(GROUP_MEMBERS_MAX).unwrap();
        assert_eq!(send(GROUP_MEMBERS_MAX + 1).unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn no_group_becomes_larger_whatever_the_timeline_allows() {
        bounded(create(GROUP_MEMBERS_MAX)).unwrap();
        let refused = bounded(create(GROUP_MEMBERS_MAX + 1)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput);
        for (allowed, bound) in [(7, 7), (GROUP_MEMBERS_MAX + 1, GROUP_MEMBERS_MAX)] {
            let join = bounded(GroupChange::Join { members: members(1), members_max: allowed }).unwrap();
            assert!(matches!(join, GroupChange::Join { members_max, .. } if members_max == bound));
        }
    }
}
