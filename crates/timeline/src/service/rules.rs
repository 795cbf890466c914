//! Who may: every rule of the services, in one place.
//!
//! A rule gets what it judges and looks up nothing. A refusal says the same of a group that there
//! is not as of one that its reader may not see, so that nobody learns which groups there are but
//! by creating one: a name is taken once.

use std::collections::HashSet;

use super::Caller;
use crate::{Error, ErrorKind, Group, GroupName, MemberId, Result, Role};

/// The rules as they hold for one caller.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'a> {
    /// The user who calls; none where everything is allowed.
    user: Option<&'a MemberId>,
}

impl<'a> Rules<'a> {
    pub(super) fn of(caller: &'a Caller) -> Self {
        let user = match caller {
            Caller::Member(member) => Some(member),
            Caller::Anybody | Caller::Service => None,
        };
        Self { user }
    }

    /// Returns the user who calls, if the rules hold for the caller at all.
    pub(super) fn user(self) -> Option<&'a MemberId> {
        self.user
    }

    /// Puts the user who calls where a request names nobody.
    pub(super) fn filled_in(self, named: String) -> String {
        match self.user {
            Some(user) if named.is_empty() => user.to_string(),
            _ => named,
        }
    }

    /// Puts the user who calls where a request names nobody at all.
    pub(super) fn all_filled_in(self, named: Vec<MemberId>) -> Vec<MemberId> {
        match self.user {
            Some(user) if named.is_empty() => vec![user.clone()],
            _ => named,
        }
    }

    pub(super) fn send_as(self, from: &MemberId) -> Result<()> {
        self.hold_to_own(from, |user| {
            format!("{user} may not send as {from}; a user sends as themselves only")
        })
    }

    pub(super) fn read_inbox(self, member: &MemberId) -> Result<()> {
        self.hold_to_own(member, |user| {
            format!("{user} may not read the inbox of {member}; a user reads their own inbox only")
        })
    }

    pub(super) fn free_inbox(self, member: &MemberId) -> Result<()> {
        self.hold_to_own(member, |user| {
            format!("{user} may not free the inbox of {member}; a user frees their own inbox only")
        })
    }

    pub(super) fn note_received(self, member: &MemberId) -> Result<()> {
        self.hold_to_own(member, |user| {
            format!("{user} may not say what {member} has received; a user says it of their own inbox only")
        })
    }

    pub(super) fn read_single_history(self, from: &MemberId, to: &MemberId) -> Result<()> {
        self.hold(
            |user| user == from || user == to,
            |user| {
                format!(
                    "{user} may not read the history of {from} and {to}; a user reads their own \
                     conversations only"
                )
            },
        )
    }

    pub(super) fn read_group_history(self, name: &GroupName, group: Option<&Group>) -> Result<()> {
        self.hold(
            |user| is_in(group, user),
            |user| {
                format!("{user} may not read the history of group {name}; only members of a group read it")
            },
        )
    }

    /// Whether a call about a conversation may be made in the name of a member.
    pub(super) fn act_as(self, member: &MemberId) -> Result<()> {
        self.hold_to_own(member, |user| {
            format!(
                "{user} may not read or change a conversation as {member}; a user does so as themselves only"
            )
        })
    }

    /// Whether a call may be made about what is in a group.
    pub(super) fn take_part(self, name: &GroupName, group: Option<&Group>) -> Result<()> {
        self.hold(|user| is_in(group, user), |user| no_part(user, name))
    }

    /// Whether a user may note and see how far they themselves have read a group.
    ///
    /// Whoever was sent a message to it `has_row`: they see it in their list, and must be able to
    /// have it read there, be they a member or not.
    pub(super) fn keep_own_cursor(
        self,
        name: &GroupName,
        group: Option<&Group>,
        has_row: bool,
    ) -> Result<()> {
        self.hold(|user| has_row || is_in(group, user), |user| no_part(user, name))
    }

    pub(super) fn list_conversations(self, member: &MemberId) -> Result<()> {
        self.hold_to_own(member, |user| {
            format!(
                "{user} may not list the conversations of {member}; a user lists their own conversations only"
            )
        })
    }

    pub(super) fn purge(self) -> Result<()> {
        self.hold(
            |_| false,
            |user| {
                format!(
                    "{user} may not delete a conversation for everybody, only a service may; clear it for \
                     yourself instead"
                )
            },
        )
    }

    pub(super) fn delete_member(self) -> Result<()> {
        self.hold(|_| false, |user| format!("{user} may not delete a member; only a service deletes members"))
    }

    pub(super) fn read_group(self, name: &GroupName, group: Option<&Group>) -> Result<()> {
        self.hold(
            |user| is_in(group, user) || is_open(group),
            |user| {
                format!(
                    "{user} may not see group {name}; members see their group, and everybody one that is open"
                )
            },
        )
    }

    pub(super) fn list_groups(self, member: &MemberId) -> Result<()> {
        self.hold_to_own(member, |user| {
            format!("{user} may not list the groups of {member}; a user lists their own groups only")
        })
    }

    pub(super) fn create_group_of(self, owner: &MemberId) -> Result<()> {
        self.hold_to_own(owner, |user| {
            format!("{user} may not create a group of {owner}; a user owns the groups that they create")
        })
    }

    /// Whether a group may be made of a name that has a history, but no members yet.
    pub(super) fn create_group_over_history(self, name: &GroupName) -> Result<()> {
        self.hold(
            |_| false,
            |user| {
                format!(
                    "{user} may not create group {name}, which has a history and no members yet; a \
                     service has to create it"
                )
            },
        )
    }

    pub(super) fn join_group(
        self,
        members: &[MemberId],
        name: &GroupName,
        group: Option<&Group>,
    ) -> Result<()> {
        self.hold(
            |user| owns(group, user) || is_only(members, user) && (is_open(group) || is_in(group, user)),
            |user| {
                format!(
                    "{user} may not {} group {name}; its owners have others join, and a user joins an open \
                     group by themselves",
                    deed("join", members, user)
                )
            },
        )
    }

    pub(super) fn leave_group(
        self,
        members: &[MemberId],
        name: &GroupName,
        group: Option<&Group>,
    ) -> Result<()> {
        self.hold(
            |user| owns(group, user) || is_only(members, user) && is_in(group, user),
            |user| {
                format!(
                    "{user} may not {} group {name}; its owners have others leave, and a member leaves by \
                     themselves",
                    deed("leave", members, user)
                )
            },
        )
    }

    pub(super) fn rename_group(self, name: &GroupName, group: Option<&Group>) -> Result<()> {
        self.hold(
            |user| owns(group, user),
            |user| format!("{user} may not rename group {name}; only its owners rename it"),
        )
    }

    pub(super) fn set_group_role(self, name: &GroupName, group: Option<&Group>) -> Result<()> {
        self.hold(
            |user| owns(group, user),
            |user| format!("{user} may not give roles in group {name}; only its owners give them"),
        )
    }

    /// Whether a message may go to a group, and to those of its members whom the sender names.
    ///
    /// The group is the one of the store, after a first send has created it. There is none if a
    /// first send may not create it.
    pub(super) fn send_to_group(
        self,
        name: &GroupName,
        group: Option<&Group>,
        to: &[MemberId],
    ) -> Result<()> {
        self.hold(
            |user| is_in(group, user),
            |user| {
                format!(
                    "{user} may not send to group {name}; only its members send to it, and one that has a \
                     history and no members yet has to be created by a service"
                )
            },
        )?;
        // A list may name a hundred thousand.
        let members: HashSet<_> =
            group.iter().flat_map(|group| &group.members).map(|of| &of.member).collect();
        match to.iter().find(|to| !members.contains(to)) {
            Some(stranger) => self.hold(
                |_| false,
                |user| {
                    format!(
                        "{user} may not send to {stranger} in group {name}, who is not a member of it; name \
                         its members in group_members, or leave it empty for all of them"
                    )
                },
            ),
            None => Ok(()),
        }
    }

    /// Refuses a user what is another one's, with `text`.
    fn hold_to_own(self, named: &MemberId, text: impl FnOnce(&MemberId) -> String) -> Result<()> {
        self.hold(|user| user == named, text)
    }

    /// Refuses a user for whom `rule` is false, with `text`.
    fn hold(
        self,
        rule: impl FnOnce(&MemberId) -> bool,
        text: impl FnOnce(&MemberId) -> String,
    ) -> Result<()> {
        match self.user {
            Some(user) if !rule(user) => Err(Error::new(ErrorKind::Forbidden, text(user))),
            _ => Ok(()),
        }
    }
}

fn role(group: Option<&Group>, user: &MemberId) -> Option<Role> {
    group.and_then(|group| group.role_of(user))
}

fn is_in(group: Option<&Group>, user: &MemberId) -> bool {
    role(group, user).is_some()
}

fn owns(group: Option<&Group>, user: &MemberId) -> bool {
    matches!(role(group, user), Some(Role::Owner))
}

fn no_part(user: &MemberId, name: &GroupName) -> String {
    format!("{user} may not read or change what is in group {name}; only members of a group do so")
}

fn is_open(group: Option<&Group>) -> bool {
    group.is_some_and(|group| group.open)
}

fn is_only(members: &[MemberId], user: &MemberId) -> bool {
    members.iter().all(|member| member == user)
}

/// Names what is done and with whom; of a list, which may be as long as a request, the first.
fn deed(verb: &str, members: &[MemberId], user: &MemberId) -> String {
    match members {
        _ if is_only(members, user) => verb.to_owned(),
        [one] => format!("have {one} {verb}"),
        [first, others @ ..] => format!("have {first} and {} more {verb}", others.len()),
        // A list without anybody is one with nobody else.
        [] => verb.to_owned(),
    }
}

#[cfg(test)]
mod tests;
