//! The calls that remove more than a message.

use super::Calls;
use crate::Result;
use crate::proto::v1;
use crate::service::named::Named;
use crate::service::rules::Rules;
use crate::service::{Caller, fields};

impl Calls {
    /// A user may free a group for themselves that they have left: it concerns nobody else.
    pub(crate) async fn clear(&self, caller: &Caller, request: v1::ClearRequest) -> Result<v1::ClearReply> {
        let rules = Rules::of(caller);
        let named = Named::read(rules, request.member, request.with, request.group)?;
        let member = named.member()?;
        rules.act_as(member)?;
        self.timeline.clear(member, &named.conversation()).await?;
        Ok(v1::ClearReply {})
    }

    pub(crate) async fn purge(&self, caller: &Caller, request: v1::PurgeRequest) -> Result<v1::PurgeReply> {
        let rules = Rules::of(caller);
        rules.purge()?;
        let named = Named::read(rules, request.member, request.with, request.group)?;
        let place = self.timeline.purge(&named.conversation()).await?;
        Ok(v1::PurgeReply { place: place.to_i64() })
    }

    pub(crate) async fn delete_member(
        &self,
        caller: &Caller,
        request: v1::DeleteMemberRequest,
    ) -> Result<v1::DeleteMemberReply> {
        Rules::of(caller).delete_member()?;
        let member = fields::member("member", request.member)?;
        let messages = self.timeline.delete_member(&member).await?;
        Ok(v1::DeleteMemberReply { messages: i64::try_from(messages).unwrap_or(i64::MAX) })
    }
}
