//! What a change makes of a group.
//!
//! This module is pure.

use std::collections::HashSet;

use crate::group::{self, Group, GroupMember, Role};
use crate::{Error, ErrorKind, GroupName, MemberId, Result};

/// A change of one group, as a store gets it.
///
/// A store calls [`apply`](Self::apply), which says what the change makes of the group.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum GroupChange {
    /// The group is created; one that exists is not changed.
    Create {
        /// What readers call it.
        title: String,
        /// Whether everybody may join by themselves.
        open: bool,
        /// The members, distinct.
        members: Vec<GroupMember>,
        /// Whether it is created only of a name that has no history.
        without_history: bool,
    },
    /// Members join; who is in the group keeps place and role.
    Join {
        /// Who joins, in this order.
        members: Vec<MemberId>,
        /// How many members the group may have then.
        members_max: usize,
    },
    /// Members leave; who is not in the group stays outside.
    Leave {
        /// Who leaves.
        members: Vec<MemberId>,
    },
    /// The title changes, and nothing else.
    Rename {
        /// The new title.
        title: String,
    },
    /// The role of a member changes.
    SetRole {
        /// Whose role it is.
        member: MemberId,
        /// The new role.
        role: Role,
    },
}

impl GroupChange {
    /// Returns what the change makes of a group, `None` if there is none yet.
    ///
    /// It is the same group where there is nothing to change. `at_ms` is the time, in milliseconds
    /// since 1970. `has_history` says whether the history of the group has entries; it is asked
    /// only where that matters. Its answer must hold until the group is written: a send between the
    /// two would be read by members whom it was not meant for.
    ///
    /// # Errors
    ///
    /// [`Conflict`](crate::ErrorKind::Conflict) for a group that exists already, for one that is to
    /// be created without a history and has one, and for a role whose change would leave the group
    /// without an owner; [`NotFound`](crate::ErrorKind::NotFound) for a group or a member that does
    /// not exist; [`InvalidInput`](crate::ErrorKind::InvalidInput) for more members than are
    /// allowed; the error of `has_history`.
    pub fn apply(
        &self,
        name: &GroupName,
        before: Option<&Group>,
        at_ms: u64,
        has_history: impl FnOnce() -> Result<bool>,
    ) -> Result<Group> {
        let Some(before) = before else {
            let Self::Create { title, open, members, without_history } = self else {
                return Err(unknown(name));
            };
            if *without_history && has_history()? {
                let text = format!("there is no group {name} yet, but a history of that name");
                return Err(Error::new(ErrorKind::Conflict, text));
            }
            let (title, members) = (title.clone(), members.clone());
            return Ok(Group { title, open: *open, members, ..Group::new(name.clone(), at_ms) });
        };
        let mut group = before.clone();
        match self {
            Self::Create { .. } => {
                let text = format!("the group {name} exists already");
                return Err(Error::new(ErrorKind::Conflict, text));
            }
            Self::Join { members, members_max } => join(&mut group, members, *members_max)?,
            Self::Leave { members } => leave(&mut group, members),
            Self::Rename { title } => group.title.clone_from(title),
            Self::SetRole { member, role } => set_role(&mut group, member, *role)?,
        }
        Ok(group)
    }
}

fn join(group: &mut Group, members: &[MemberId], members_max: usize) -> Result<()> {
    let new = newcomers(group, members);
    // Nobody new is no change, also where the bound was lowered since.
    if new.is_empty() {
        return Ok(());
    }
    group.members.extend(new.into_iter().map(|member| GroupMember::new(member, Role::Member)));
    group::check_members(group.members.iter().map(|known| &known.member), members_max)
}

/// Returns those who are not in the group, each once.
fn newcomers(group: &Group, members: &[MemberId]) -> Vec<MemberId> {
    let mut known: HashSet<&MemberId> = group.members.iter().map(|known| &known.member).collect();
    members.iter().filter(|member| known.insert(*member)).cloned().collect()
}

fn leave(group: &mut Group, members: &[MemberId]) {
    let (leaving, had_owner): (HashSet<&MemberId>, _) = (members.iter().collect(), group.has_owner());
    group.members.retain(|known| !leaving.contains(&known.member));
    // A group that was somebody's stays so as long as anybody is in it. One that was nobody's does
    // not fall to whoever happens to have been first.
    if had_owner
        && !group.has_owner()
        && let Some(first) = group.members.first_mut()
    {
        first.role = Role::Owner;
    }
}

fn set_role(group: &mut Group, member: &MemberId, role: Role) -> Result<()> {
    let had_owner = group.has_owner();
    let Some(known) = group.members.iter_mut().find(|known| known.member == *member) else {
        let text = format!("{member} is not a member of the group {}", group.name);
        return Err(Error::new(ErrorKind::NotFound, text));
    };
    known.role = role;
    if had_owner && !group.has_owner() {
        let text =
            format!("{member} is the only owner of the group {}; make another member one first", group.name);
        return Err(Error::new(ErrorKind::Conflict, text));
    }
    Ok(())
}

fn unknown(name: &GroupName) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no group {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str) -> MemberId {
        MemberId::new(id).unwrap()
    }

    fn name() -> GroupName {
        GroupName::new("g").unwrap()
    }

    /// A group with these members, of whom those in capitals are owners.
    fn group(ids: &[&str]) -> Group {
        let role = |id: &str| if id == id.to_uppercase() { Role::Owner } else { Role::Member };
        let members = ids.iter().map(|id| GroupMember::new(member(id), role(id))).collect();
        Group { members, ..Group::new(name(), 7) }
    }

    fn apply(change: &GroupChange, before: &Group) -> Result<Group, ErrorKind> {
        let unasked = || -> Result<bool> { panic!("the history of a group that is there does not matter") };
        change.apply(&name(), Some(before), 9, unasked).map_err(|error| error.kind())
    }

    fn create(without_history: bool) -> GroupChange {
        let members = group(&["A"]).members;
        GroupChange::Create { title: "t".to_owned(), open: true, members, without_history }
    }

    fn leave(ids: &[&str]) -> GroupChange {
        GroupChange::Leave { members: ids.iter().map(|id| member(id)).collect() }
    }

    fn roles(group: &Group) -> Vec<(&str, Role)> {
        group.members.iter().map(|known| (known.member.as_str(), known.role)).collect()
    }

    #[test]
    fn who_is_in_the_group_keeps_place_and_role() {
        let join = |ids: &[&str]| GroupChange::Join {
            members: ids.iter().map(|id| member(id)).collect(),
            members_max: 4,
        };
        let before = group(&["a", "B"]);
        let after = apply(&join(&["c", "B", "c", "a", "d"]), &before).unwrap();
        assert_eq!(after, Group { members: group(&["a", "B", "c", "d"]).members, ..before.clone() });
        assert_eq!(apply(&join(&["a", "B"]), &before).unwrap(), before);
        assert_eq!(apply(&join(&["c", "d", "e"]), &before), Err(ErrorKind::InvalidInput));
        let full = group(&["a", "b", "c", "d", "e"]);
        assert_eq!(apply(&join(&["a"]), &full).unwrap(), full, "the bound was lowered");
    }

    #[test]
    fn the_first_member_becomes_the_owner_when_the_last_owner_leaves() {
        let after = |ids: &[&str], leaving: &[&str]| apply(&leave(leaving), &group(ids)).unwrap();
        assert_eq!(roles(&after(&["a", "B", "c"], &["B"])), [("a", Role::Owner), ("c", Role::Member)]);
        assert_eq!(roles(&after(&["a", "B", "C"], &["B"])), [("a", Role::Member), ("C", Role::Owner)]);
        assert_eq!(
            roles(&after(&["a", "b", "C", "d"], &["C", "a"])),
            [("b", Role::Owner), ("d", Role::Member)]
        );
        assert!(after(&["A", "b"], &["b", "A"]).members.is_empty());
        assert_eq!(roles(&after(&["a", "b"], &["a"])), [("b", Role::Member)], "it was nobody's before");
        assert_eq!(after(&["A", "b"], &["c"]), group(&["A", "b"]));
    }

    #[test]
    fn a_role_that_is_set_leaves_an_owner() {
        let set = |id: &str, role| GroupChange::SetRole { member: member(id), role };
        let before = group(&["A", "b"]);
        assert_eq!(apply(&set("A", Role::Member), &before), Err(ErrorKind::Conflict));
        assert_eq!(apply(&set("A", Role::Owner), &before).unwrap(), before);
        assert_eq!(apply(&set("c", Role::Owner), &before), Err(ErrorKind::NotFound));
        let both = apply(&set("b", Role::Owner), &before).unwrap();
        let after = apply(&set("A", Role::Member), &both).unwrap();
        assert_eq!(roles(&after), [("A", Role::Member), ("b", Role::Owner)]);
        let nobodys = group(&["a"]);
        assert_eq!(apply(&set("a", Role::Member), &nobodys).unwrap(), nobodys);
    }

    #[test]
    fn a_group_is_created_once_and_changed_only_then() {
        let create = create(false);
        let created = create.apply(&name(), None, 9, || Ok(true)).unwrap();
        assert_eq!((created.created_at_ms, created.open, created.title.as_str()), (9, true, "t"));
        assert_eq!(apply(&create, &created), Err(ErrorKind::Conflict));
        let rename = GroupChange::Rename { title: "u".to_owned() };
        let renamed = apply(&rename, &created).unwrap();
        assert_eq!(renamed, Group { title: "u".to_owned(), ..created });
        for change in [rename, leave(&["a"])] {
            let error = change.apply(&name(), None, 9, || Ok(true)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
        }
    }

    #[test]
    fn a_group_without_history_is_not_created_of_a_name_that_has_one() {
        let apply = |has_history: Result<bool>| create(true).apply(&name(), None, 9, || has_history);
        assert_eq!(apply(Ok(true)).unwrap_err().kind(), ErrorKind::Conflict);
        let unreadable = Err(Error::new(ErrorKind::Corrupt, "the history cannot be read"));
        assert_eq!(apply(unreadable).unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!(apply(Ok(false)).unwrap().members, group(&["A"]).members);
    }
}
