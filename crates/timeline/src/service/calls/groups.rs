//! The calls about groups, and the sends to those that the store knows.

use super::{Calls, no_group};
use crate::proto::v1;
use crate::service::rules::Rules;
use crate::service::{Caller, fields};
use crate::{Error, ErrorKind, Group, GroupName, NewGroup, NewGroupMessage, Result, Role};

impl Calls {
    pub(crate) async fn create_group(
        &self,
        caller: &Caller,
        request: v1::CreateGroupRequest,
    ) -> Result<v1::GroupReply> {
        let rules = Rules::of(caller);
        let new = NewGroup {
            name: fields::group("group", request.group)?,
            title: request.title,
            open: request.open,
            owner: fields::optional(rules.filled_in(request.owner), |id| fields::member("owner", id))?,
            members: fields::members("members", request.members)?,
            // Its entries are of a time when nobody asked who may read them. Whoever came first
            // would read them all.
            without_history: rules.user().is_some(),
        };
        if let Some(owner) = &new.owner {
            rules.create_group_of(owner)?;
        }
        let name = new.name.clone();
        let created = self.timeline.create_group(new).await;
        if is_conflict(&created) && self.timeline.group(&name).await?.is_none() {
            rules.create_group_over_history(&name)?;
        }
        Ok(reply(&created?))
    }

    pub(crate) async fn list_groups(
        &self,
        caller: &Caller,
        request: v1::ListGroupsRequest,
    ) -> Result<v1::ListGroupsReply> {
        let rules = Rules::of(caller);
        let member = fields::member("member", rules.filled_in(request.member))?;
        let after = fields::optional(request.after, |name| fields::group("after", name))?;
        let count = fields::count(request.count)?;
        rules.list_groups(&member)?;
        let page = self.timeline.groups_of(&member, after.as_ref(), count).await?;
        Ok(v1::ListGroupsReply { groups: page.groups.iter().map(Into::into).collect(), more: page.more })
    }

    pub(crate) async fn get_group(
        &self,
        caller: &Caller,
        request: v1::GetGroupRequest,
    ) -> Result<v1::GetGroupReply> {
        let name = fields::group("group", request.group)?;
        let group = self.timeline.group(&name).await?;
        Rules::of(caller).read_group(&name, group.as_ref())?;
        let unknown = || Error::new(ErrorKind::NotFound, format!("there is no group {name}"));
        Ok(group.as_ref().ok_or_else(unknown)?.into())
    }

    pub(crate) async fn join_group(
        &self,
        caller: &Caller,
        request: v1::JoinGroupRequest,
    ) -> Result<v1::GroupReply> {
        let rules = Rules::of(caller);
        let name = fields::group("group", request.group)?;
        let members = rules.all_filled_in(fields::members("members", request.members)?);
        rules.join_group(&members, &name, self.judged(rules, &name).await?.as_ref())?;
        Ok(reply(&self.timeline.join_group(&name, members).await?))
    }

    pub(crate) async fn leave_group(
        &self,
        caller: &Caller,
        request: v1::LeaveGroupRequest,
    ) -> Result<v1::GroupReply> {
        let rules = Rules::of(caller);
        let name = fields::group("group", request.group)?;
        let members = rules.all_filled_in(fields::members("members", request.members)?);
        rules.leave_group(&members, &name, self.judged(rules, &name).await?.as_ref())?;
        Ok(reply(&self.timeline.leave_group(&name, members).await?))
    }

    pub(crate) async fn rename_group(
        &self,
        caller: &Caller,
        request: v1::RenameGroupRequest,
    ) -> Result<v1::GroupReply> {
        let rules = Rules::of(caller);
        let name = fields::group("group", request.group)?;
        rules.rename_group(&name, self.judged(rules, &name).await?.as_ref())?;
        Ok(reply(&self.timeline.rename_group(&name, &request.title).await?))
    }

    pub(crate) async fn set_group_role(
        &self,
        caller: &Caller,
        request: v1::SetGroupRoleRequest,
    ) -> Result<v1::GroupReply> {
        let rules = Rules::of(caller);
        let name = fields::group("group", request.group)?;
        let member = fields::member("member", request.member)?;
        let role = match v1::group_member::Role::try_from(request.role) {
            Ok(v1::group_member::Role::Owner) => Role::Owner,
            Ok(v1::group_member::Role::Member) => Role::Member,
            Ok(v1::group_member::Role::Unspecified) | Err(_) => {
                return Err(Error::invalid("the value must be OWNER or MEMBER").in_field("role"));
            }
        };
        rules.set_group_role(&name, self.judged(rules, &name).await?.as_ref())?;
        Ok(reply(&self.timeline.set_group_role(&name, &member, role).await?))
    }

    /// Returns the group that a rule judges; none for callers whom no rule holds for.
    pub(super) async fn judged(&self, rules: Rules<'_>, name: &GroupName) -> Result<Option<Group>> {
        match rules.user() {
            Some(_) => self.timeline.group(name).await,
            None => Ok(None),
        }
    }

    /// Names the members of the group in a send that names nobody.
    pub(super) async fn with_all_members(&self, send: NewGroupMessage) -> Result<NewGroupMessage> {
        if !send.members.is_empty() {
            return Ok(send);
        }
        let group = self.timeline.group(&send.group).await?.ok_or_else(no_group)?;
        Ok(to_all(&group, send))
    }

    /// Holds a user's send to the group of the store, which the first one creates.
    pub(super) async fn within_group(
        &self,
        rules: Rules<'_>,
        send: NewGroupMessage,
    ) -> Result<NewGroupMessage> {
        let group = match self.timeline.group(&send.group).await? {
            None => self.created_for(&send).await?,
            known => known,
        };
        rules.send_to_group(&send.group, group.as_ref(), &send.members)?;
        Ok(match group {
            Some(group) if send.members.is_empty() => to_all(&group, send),
            _ => send,
        })
    }

    /// Returns the group of a first send, created with its sender as the owner; none if the name
    /// has a history already.
    async fn created_for(&self, send: &NewGroupMessage) -> Result<Option<Group>> {
        // The order matters: a send that is refused for itself leaves no group behind.
        self.timeline.check_size(&send.message)?;
        let new = NewGroup {
            name: send.group.clone(),
            title: String::new(),
            open: false,
            owner: send.from.clone(),
            members: send.members.clone(),
            without_history: true,
        };
        let created = self.timeline.create_group(new).await;
        if is_conflict(&created) {
            // Another first send was faster, and its group counts, with the members that it has.
            // Or there is a history and no group.
            return self.timeline.group(&send.group).await;
        }
        created.map(Some)
    }
}

fn is_conflict(created: &Result<Group>) -> bool {
    created.as_ref().is_err_and(|error| error.kind() == ErrorKind::Conflict)
}

fn to_all(group: &Group, send: NewGroupMessage) -> NewGroupMessage {
    NewGroupMessage { members: group.members.iter().map(|of| of.member.clone()).collect(), ..send }
}

fn reply(group: &Group) -> v1::GroupReply {
    group.into()
}
