//! The calls that change a message.

use super::Calls;
use crate::proto::v1;
use crate::service::named::Named;
use crate::service::rules::Rules;
use crate::service::{Caller, fields};
use crate::{Changed, Result};

impl Calls {
    pub(crate) async fn edit(&self, caller: &Caller, request: v1::EditRequest) -> Result<v1::ChangeReply> {
        let named = Named::read(Rules::of(caller), request.member, request.with, request.group)?;
        let place = fields::place(request.place)?;
        let message = fields::message(request.message)?;
        self.held_to_own(caller, &named).await?;
        Ok(reply(self.timeline.edit(&named.conversation(), place, named.member, message).await?))
    }

    pub(crate) async fn recall(
        &self,
        caller: &Caller,
        request: v1::RecallRequest,
    ) -> Result<v1::ChangeReply> {
        let named = Named::read(Rules::of(caller), request.member, request.with, request.group)?;
        let place = fields::place(request.place)?;
        self.held_to_own(caller, &named).await?;
        Ok(reply(self.timeline.recall(&named.conversation(), place, named.member).await?))
    }

    pub(crate) async fn delete_message(
        &self,
        caller: &Caller,
        request: v1::DeleteMessageRequest,
    ) -> Result<v1::ChangeReply> {
        let named = Named::read(Rules::of(caller), request.member, request.with, request.group)?;
        let place = fields::place(request.place)?;
        self.held_to_own(caller, &named).await?;
        Ok(reply(self.timeline.delete_message(&named.conversation(), place, named.member).await?))
    }
}

fn reply(changed: Changed) -> v1::ChangeReply {
    let at_ms = i64::try_from(changed.at_ms).unwrap_or(i64::MAX);
    v1::ChangeReply { place: changed.place.to_i64(), at_ms }
}
