//! Calls about inboxes and groups, as tests write them.

use timeline::proto::v1;

use super::Call;

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// A message from one member to another.
pub(crate) fn send(from: &str, to: &str) -> Call {
    let (from, to, message) = (from.to_owned(), to.to_owned(), "{}".to_owned());
    Call::Send(v1::SendMessageRequest { from, to, message, ..Default::default() })
}

/// A message to a group, and to those of its members who are named.
pub(crate) fn send_group(from: &str, group: &str, members: &[&str]) -> Call {
    Call::SendGroup(v1::SendGroupRequest {
        group_name: group.to_owned(),
        group_members: owned(members),
        message: "{}".to_owned(),
        from: from.to_owned(),
        ..Default::default()
    })
}

/// The first page of a watch.
pub(crate) fn watch_of(member: &str) -> Call {
    Call::Watch(v1::WatchRequest { member: member.to_owned(), ..Default::default() })
}

pub(crate) fn ack(member: &str, sequence: i64) -> Call {
    Call::Ack(v1::AckRequest { member: member.to_owned(), sequence })
}

pub(crate) fn received(member: &str, sequence: i64) -> Call {
    Call::Received(v1::ReceivedRequest { member: member.to_owned(), sequence })
}

pub(crate) fn received_of(member: &str) -> Call {
    Call::ReceivedOf(v1::ReceivedOfRequest { member: member.to_owned() })
}

/// Messages from one member to others.
pub(crate) fn batch(from: &str, to: &[&str]) -> Call {
    let one = |to: &&str| match send(from, to) {
        Call::Send(send) => send,
        other => panic!("{other:?} is no send"),
    };
    Call::Batch(v1::SendBatchRequest { sends: to.iter().map(one).collect() })
}

pub(crate) fn sync(member: &str) -> Call {
    Call::Sync(v1::SyncMessageRequest { member: member.to_owned(), ..Default::default() })
}

pub(crate) fn single_history(from: &str, to: &str) -> Call {
    let (from, to) = (from.to_owned(), to.to_owned());
    Call::SingleHistory(v1::GetSingleHistoryMessageRequest { from, to, ..Default::default() })
}

pub(crate) fn group_history(group: &str) -> Call {
    Call::GroupHistory(v1::GetGroupHistoryMessageRequest { group: group.to_owned(), ..Default::default() })
}

pub(crate) fn create(group: &str, owner: &str, members: &[&str]) -> Call {
    let (group, owner, members) = (group.to_owned(), owner.to_owned(), owned(members));
    Call::Create(v1::CreateGroupRequest { group, owner, members, ..Default::default() })
}

/// As [`create`], of a group that everybody may join.
pub(crate) fn create_open(group: &str, owner: &str) -> Call {
    let (group, owner) = (group.to_owned(), owner.to_owned());
    Call::Create(v1::CreateGroupRequest { group, owner, open: true, ..Default::default() })
}

pub(crate) fn list(member: &str) -> Call {
    Call::List(v1::ListGroupsRequest { member: member.to_owned(), ..Default::default() })
}

pub(crate) fn get(group: &str) -> Call {
    Call::Get(v1::GetGroupRequest { group: group.to_owned() })
}

pub(crate) fn join(group: &str, members: &[&str]) -> Call {
    Call::Join(v1::JoinGroupRequest { group: group.to_owned(), members: owned(members) })
}

pub(crate) fn leave(group: &str, members: &[&str]) -> Call {
    Call::Leave(v1::LeaveGroupRequest { group: group.to_owned(), members: owned(members) })
}

pub(crate) fn rename(group: &str, title: &str) -> Call {
    Call::Rename(v1::RenameGroupRequest { group: group.to_owned(), title: title.to_owned() })
}

pub(crate) fn set_role(group: &str, member: &str, role: v1::group_member::Role) -> Call {
    let (group, member) = (group.to_owned(), member.to_owned());
    Call::SetRole(v1::SetGroupRoleRequest { group, member, role: role.into() })
}
