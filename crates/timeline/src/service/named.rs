//! The conversation that a request is about, and as whom.

use super::fields;
use super::rules::Rules;
use crate::{Conversation, Error, GroupName, MemberId, Result};

/// The most members that one call asks about.
pub(super) const MEMBERS_MAX: usize = 100;

/// The conversation that a request names: that of a member with another one, or that of a group.
#[derive(Debug)]
pub(super) struct Named {
    /// Who reads, changes or lists; none if a request about a group does not say.
    pub(super) member: Option<MemberId>,
    pub(super) of: Of,
}

/// With whom the conversation is.
#[derive(Debug)]
pub(super) enum Of {
    /// The other member; both are in it.
    Two(MemberId, MemberId),
    Group(GroupName),
}

impl Named {
    /// Reads the three fields that name a conversation; a user may leave out `member`.
    pub(super) fn read(rules: Rules<'_>, member: String, with: String, group: String) -> Result<Self> {
        let member = rules.filled_in(member);
        let of = match (with.is_empty(), group.is_empty()) {
            (false, true) => {
                let one = fields::member("member", member.clone())?;
                Of::Two(one, fields::member("with", with)?)
            }
            (true, false) => Of::Group(fields::group("group", group)?),
            _ => return Err(Error::invalid(NEITHER)),
        };
        Ok(Self { member: fields::optional(member, |id| fields::member("member", id))?, of })
    }

    /// Returns the history that it is about.
    pub(super) fn conversation(&self) -> Conversation {
        match &self.of {
            Of::Two(one, other) => Conversation::single(one.clone(), other.clone()),
            Of::Group(group) => Conversation::group(group.clone()),
        }
    }

    /// Returns as whom the call is made, where it has to be somebody.
    pub(super) fn member(&self) -> Result<&MemberId> {
        self.member.as_ref().ok_or_else(|| Error::invalid("the value must not be empty").in_field("member"))
    }

    /// Returns whom a call asks about that names nobody.
    pub(super) fn members(&self) -> Result<Vec<MemberId>> {
        match &self.of {
            Of::Two(one, other) if one == other => Ok(vec![one.clone()]),
            Of::Two(one, other) => Ok(vec![one.clone(), other.clone()]),
            Of::Group(_) => Ok(vec![self.member()?.clone()]),
        }
    }
}

const NEITHER: &str = "the request must name a conversation, by the other member in with or by the group in \
                       group, and not by both";
