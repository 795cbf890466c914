//! Groups as clients see them.

use crate::proto::v1::{self, group_member};
use crate::{Group, GroupSummary, Role};

impl From<Role> for group_member::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Owner => Self::Owner,
            Role::Member => Self::Member,
        }
    }
}

/// The group without its members, of whom a change says only how many there are.
impl From<&Group> for v1::GroupReply {
    fn from(group: &Group) -> Self {
        Self {
            name: group.name.to_string(),
            title: group.title.clone(),
            open: group.open,
            members: u32::try_from(group.members.len()).unwrap_or(u32::MAX),
            created_at_ms: created_at_ms(group),
        }
    }
}

impl From<&Group> for v1::GetGroupReply {
    fn from(group: &Group) -> Self {
        let members = group.members.iter().map(|of| v1::GroupMember {
            member: of.member.to_string(),
            role: group_member::Role::from(of.role).into(),
        });
        Self {
            name: group.name.to_string(),
            title: group.title.clone(),
            open: group.open,
            members: members.collect(),
            created_at_ms: created_at_ms(group),
        }
    }
}

impl From<&GroupSummary> for v1::GroupSummary {
    fn from(group: &GroupSummary) -> Self {
        Self {
            name: group.name.to_string(),
            title: group.title.clone(),
            role: group_member::Role::from(group.role).into(),
            members: group.members,
        }
    }
}

fn created_at_ms(group: &Group) -> i64 {
    i64::try_from(group.created_at_ms).unwrap_or(i64::MAX)
}
