//! Groups that the store knows: who is in them, and who owns them.
//!
//! This module is pure.

use crate::{Error, GroupName, MemberId, Result, id};

/// The most bytes that the title of a group may have.
pub const TITLE_BYTES_MAX: usize = 512;

/// The most bytes that the ids of a group's members have together: 1 MiB.
///
/// As many members as are [allowed](crate::Config::group_members_max) by default never reach it.
pub const GROUP_BYTES_MAX: usize = 1024 * 1024;

/// What a member may do with a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// One who changes the group: its title, its members and their roles.
    Owner,
    /// One who reads and writes.
    Member,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupMember {
    /// Who it is.
    pub member: MemberId,
    /// What they may do.
    pub role: Role,
}

impl GroupMember {
    /// Creates a member of a group.
    #[must_use]
    pub fn new(member: MemberId, role: Role) -> Self {
        Self { member, role }
    }
}

/// A group that the store knows.
///
/// A group without members stays, and is nobody's. One that has members may be nobody's as well:
/// then only the program decides about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Group {
    /// The name, which never changes: the history is stored under it.
    pub name: GroupName,
    /// What readers call it; may be empty.
    ///
    /// 512 bytes at most, without control characters.
    pub title: String,
    /// Whether everybody may join by themselves.
    ///
    /// The timeline only keeps this. Who lets callers in asks for it.
    pub open: bool,
    /// The members, in the order in which they joined; each once.
    pub members: Vec<GroupMember>,
    /// When the group was created, in milliseconds since 1970.
    pub created_at_ms: u64,
}

impl Group {
    /// Creates a group without a title and without members.
    #[must_use]
    pub fn new(name: GroupName, created_at_ms: u64) -> Self {
        Self { name, title: String::new(), open: false, members: Vec::new(), created_at_ms }
    }

    /// Returns the role of a member; `None` if they are not in the group.
    #[must_use]
    pub fn role_of(&self, member: &MemberId) -> Option<Role> {
        self.members.iter().find(|known| known.member == *member).map(|known| known.role)
    }

    /// Returns whether anybody owns the group.
    #[must_use]
    pub fn has_owner(&self) -> bool {
        self.members.iter().any(|known| known.role == Role::Owner)
    }
}

/// A group that is to be created.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NewGroup {
    /// The name, under which the history is stored.
    pub name: GroupName,
    /// What readers call it.
    pub title: String,
    /// Whether everybody may join by themselves.
    pub open: bool,
    /// Who owns the group, and is its first member.
    pub owner: Option<MemberId>,
    /// The other members, in this order.
    ///
    /// One who is named twice, or is the owner, counts once.
    pub members: Vec<MemberId>,
    /// Whether the group is created only of a name that has no history.
    pub without_history: bool,
}

impl NewGroup {
    /// Creates a group without a title, an owner and members.
    ///
    /// Nobody may join it by themselves.
    #[must_use]
    pub fn new(name: GroupName) -> Self {
        Self {
            name,
            title: String::new(),
            open: false,
            owner: None,
            members: Vec::new(),
            without_history: false,
        }
    }

    /// Sets the title.
    ///
    /// Empty by default; 512 bytes at most, without control characters.
    #[must_use]
    pub fn title(self, title: impl Into<String>) -> Self {
        Self { title: title.into(), ..self }
    }

    /// Sets whether everybody may join by themselves.
    ///
    /// False by default.
    #[must_use]
    pub fn open(self, open: bool) -> Self {
        Self { open, ..self }
    }

    /// Sets the owner, who is the first member.
    ///
    /// Nobody by default: then the group is nobody's until a role is set.
    #[must_use]
    pub fn owner(self, owner: impl Into<Option<MemberId>>) -> Self {
        Self { owner: owner.into(), ..self }
    }

    /// Sets the members beside the owner.
    ///
    /// None by default.
    #[must_use]
    pub fn members(self, members: impl IntoIterator<Item = MemberId>) -> Self {
        Self { members: members.into_iter().collect(), ..self }
    }

    /// Sets whether the group is created only of a name that has no history.
    ///
    /// False by default: then its members read what was sent to the name before. A program sets it
    /// where whoever creates a group must not come by messages of others.
    #[must_use]
    pub fn without_history(self, without_history: bool) -> Self {
        Self { without_history, ..self }
    }
}

/// A group, as the list of a member's groups has it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupSummary {
    /// The name.
    pub name: GroupName,
    /// What readers call it; may be empty.
    pub title: String,
    /// What the member may do.
    pub role: Role,
    /// How many members there are.
    pub members: u32,
}

impl GroupSummary {
    /// Creates a summary.
    #[must_use]
    pub fn new(name: GroupName, title: String, role: Role, members: u32) -> Self {
        Self { name, title, role, members }
    }
}

/// A page of the groups of a member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupPage {
    /// The groups, ascending by name (by bytes).
    pub groups: Vec<GroupSummary>,
    /// Whether there are further groups behind these.
    pub more: bool,
}

impl GroupPage {
    /// Creates a page.
    #[must_use]
    pub fn new(groups: Vec<GroupSummary>, more: bool) -> Self {
        Self { groups, more }
    }
}

/// Checks that a title has at most 512 bytes and no control characters.
pub(crate) fn check_title(title: &str) -> Result<()> {
    let bytes = title.len();
    if bytes > TITLE_BYTES_MAX {
        let text = format!("the value has {bytes} bytes; at most {TITLE_BYTES_MAX} are allowed");
        return Err(Error::invalid(text).in_field("title"));
    }
    id::check_characters(title).map_err(|error| error.in_field("title"))
}

/// Checks that distinct members may be those of one group.
pub(crate) fn check_members<'a>(members: impl Iterator<Item = &'a MemberId>, most: usize) -> Result<()> {
    let (count, bytes) =
        members.fold((0, 0), |(count, bytes), member| (count + 1, bytes + member.as_str().len()));
    if count > most {
        let text = format!("the group would have {count} members; at most {most} are allowed");
        return Err(Error::invalid(text).in_field("members"));
    }
    if bytes > GROUP_BYTES_MAX {
        let text = format!(
            "the ids of the group's members would have {bytes} bytes; at most {GROUP_BYTES_MAX} are allowed"
        );
        return Err(Error::invalid(text).in_field("members"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn titles_have_up_to_512_bytes_without_control_characters() {
        for good in ["", "Tea & cake", &"x".repeat(512)] {
            check_title(good).unwrap();
        }
        for bad in ["a\nb", "\u{85}", &"x".repeat(513), &"ä".repeat(257)] {
            let error = check_title(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bad:?}");
            assert!(error.to_string().starts_with("title: "), "{error}");
        }
    }

    #[test]
    fn members_are_bounded_in_number_and_in_bytes() {
        let ids = |count: usize, bytes: usize| -> Vec<_> {
            (0..count).map(|number| MemberId::new(format!("{number:0bytes$}")).unwrap()).collect()
        };
        let check = |ids: &[MemberId], most| check_members(ids.iter(), most).map_err(|error| error.kind());
        assert_eq!(check(&ids(0, 1), 1), Ok(()));
        assert_eq!(check(&ids(1_000, 512), 1_000), Ok(()));
        assert_eq!(check(&ids(1_001, 4), 1_000), Err(ErrorKind::InvalidInput));
        assert_eq!(check(&ids(2_048, 512), 10_000), Ok(()));
        assert_eq!(check(&ids(2_049, 512), 10_000), Err(ErrorKind::InvalidInput));
    }
}
