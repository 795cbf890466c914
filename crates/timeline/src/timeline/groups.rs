//! The calls about groups that the store knows.

use super::{Timeline, distinct};
use crate::group::{check_members, check_title};
use crate::store::GroupChange;
use crate::{Count, Error, Group, GroupMember, GroupName, GroupPage, MemberId, NewGroup, Result, Role};

impl Timeline {
    /// Creates a group, and returns it.
    ///
    /// The call returns when the group is durable. A group without an owner is nobody's until a
    /// role is [set](Self::set_group_role). Of calls at the same time one creates the group.
    ///
    /// # Cancel safety
    ///
    /// A dropped call takes effect whole or not at all, here and in the other calls about groups.
    ///
    /// # Errors
    ///
    /// [`Conflict`](crate::ErrorKind::Conflict) when there is a group of that name, which stays as
    /// it is, or a history of that name and the group is to be created
    /// [without one](NewGroup::without_history); [`InvalidInput`](crate::ErrorKind::InvalidInput)
    /// for a title that is too long or has a control character, and for more members than
    /// [allowed](crate::Config::group_members_max); [`Unavailable`](crate::ErrorKind::Unavailable)
    /// when it is unknown whether it was created; [`Closed`](crate::ErrorKind::Closed).
    pub async fn create_group(&self, new: NewGroup) -> Result<Group> {
        let NewGroup { name, title, open, owner, members, without_history } = new;
        check_title(&title)?;
        let owned = usize::from(owner.is_some());
        let members = distinct(owner.into_iter().chain(members).collect());
        check_members(members.iter(), self.config.group_members_max)?;
        // The owner, if there is one, comes first.
        let role = |index: usize| if index < owned { Role::Owner } else { Role::Member };
        let member = |(index, member)| GroupMember::new(member, role(index));
        let members = members.into_iter().enumerate().map(member).collect();
        let change = GroupChange::Create { title, open, members, without_history };
        self.store.change_group(&name, change).await
    }

    /// Lets members join a group, and returns what became of it.
    ///
    /// They join as plain members, in the order of the list. One who is in the group keeps place
    /// and role, so that a repetition changes nothing.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) when there is no such group;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for an empty list, and when the group would
    /// have more members than [allowed](crate::Config::group_members_max): then nobody joins;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when it is unknown whether they joined;
    /// [`Closed`](crate::ErrorKind::Closed).
    pub async fn join_group(&self, group: &GroupName, members: Vec<MemberId>) -> Result<Group> {
        let members = self.listed(members)?;
        let change = GroupChange::Join { members, members_max: self.config.group_members_max };
        self.store.change_group(group, change).await
    }

    /// Lets members leave a group, and returns what became of it.
    ///
    /// One who is not in the group stays outside, so that a repetition changes nothing. When the
    /// last owner leaves, who joined first of those that stay becomes the owner. A group that
    /// everybody left stays, with its history, and is nobody's.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) when there is no such group;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for an empty list, or one of more members
    /// than a group may have; [`Unavailable`](crate::ErrorKind::Unavailable) when it is unknown
    /// whether they left; [`Closed`](crate::ErrorKind::Closed).
    pub async fn leave_group(&self, group: &GroupName, members: Vec<MemberId>) -> Result<Group> {
        let members = self.listed(members)?;
        self.store.change_group(group, GroupChange::Leave { members }).await
    }

    /// Changes the title of a group, and returns what became of it.
    ///
    /// The name stays: the history is stored under it.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) when there is no such group;
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a title that is too long or has a
    /// control character; [`Unavailable`](crate::ErrorKind::Unavailable) when it is unknown whether
    /// it was changed; [`Closed`](crate::ErrorKind::Closed).
    pub async fn rename_group(&self, group: &GroupName, title: &str) -> Result<Group> {
        check_title(title)?;
        self.store.change_group(group, GroupChange::Rename { title: title.to_owned() }).await
    }

    /// Sets the role of a member, and returns what became of the group.
    ///
    /// A group may have several owners. One who has the role already keeps it.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) when there is no such group, or the member is not
    /// in it; [`Conflict`](crate::ErrorKind::Conflict) when the group would be left without an
    /// owner; [`Unavailable`](crate::ErrorKind::Unavailable) when it is unknown whether the role
    /// was changed; [`Closed`](crate::ErrorKind::Closed).
    pub async fn set_group_role(&self, group: &GroupName, member: &MemberId, role: Role) -> Result<Group> {
        self.store.change_group(group, GroupChange::SetRole { member: member.clone(), role }).await
    }

    /// Returns a group; `None` if the store does not know it.
    ///
    /// Messages may have been sent to it all the same, by sends that named their members.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable), [`Corrupt`](crate::ErrorKind::Corrupt) or
    /// [`Closed`](crate::ErrorKind::Closed).
    pub async fn group(&self, group: &GroupName) -> Result<Option<Group>> {
        self.store.group(group).await
    }

    /// Returns a page of the groups that a member is in, ascending by name.
    ///
    /// It begins behind `after`, or with the first. Call it with the last name of its answer as
    /// long as there are [more](GroupPage::more).
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable), [`Corrupt`](crate::ErrorKind::Corrupt) or
    /// [`Closed`](crate::ErrorKind::Closed); a member never heard of is not an error but has no
    /// groups.
    pub async fn groups_of(
        &self,
        member: &MemberId,
        after: Option<&GroupName>,
        count: Count,
    ) -> Result<GroupPage> {
        self.store.groups_of(member, after, count).await
    }

    /// Returns each of some members once, if there are any, and no more than a group may have.
    fn listed(&self, members: Vec<MemberId>) -> Result<Vec<MemberId>> {
        let (members, most) = (distinct(members), self.config.group_members_max);
        if members.is_empty() {
            return Err(Error::invalid("the list must not be empty").in_field("members"));
        }
        if members.len() > most {
            let text = format!("the list has {} distinct members; at most {most} are allowed", members.len());
            return Err(Error::invalid(text).in_field("members"));
        }
        Ok(members)
    }
}
