//! The calls about how far conversations were read.

use super::Calls;
use crate::proto::v1;
use crate::service::named::{MEMBERS_MAX, Named};
use crate::service::rules::Rules;
use crate::service::{Caller, fields, mark};
use crate::{ConversationMark, ConversationView, Error, Result};

impl Calls {
    pub(crate) async fn read(&self, caller: &Caller, request: v1::ReadRequest) -> Result<v1::ReadReply> {
        let named = Named::read(Rules::of(caller), request.member, request.with, request.group)?;
        let sequence = fields::sequence(request.sequence)?;
        let member = named.member()?;
        self.held_to_own_cursor(caller, &named).await?;
        let read = self.timeline.read(member, &named.conversation(), sequence).await?;
        Ok(v1::ReadReply { read: read.to_i64() })
    }

    pub(crate) async fn read_of(
        &self,
        caller: &Caller,
        request: v1::ReadOfRequest,
    ) -> Result<v1::ReadOfReply> {
        let named = Named::read(Rules::of(caller), request.member, request.with, request.group)?;
        let count = request.members.len();
        if count > MEMBERS_MAX {
            let text = format!("the list has {count} members; at most {MEMBERS_MAX} are allowed");
            return Err(Error::invalid(text).in_field("members"));
        }
        let members = match request.members {
            nobody if nobody.is_empty() => named.members()?,
            members => fields::members("members", members)?,
        };
        if members.iter().all(|member| named.member.as_ref() == Some(member)) {
            self.held_to_own_cursor(caller, &named).await?;
        } else {
            self.held_to_own(caller, &named).await?;
        }
        let cursors = self.timeline.read_of(&named.conversation(), &members).await?;
        let cursors = members
            .iter()
            .zip(cursors)
            .map(|(member, read)| v1::MemberCursor { member: member.to_string(), read: read.to_i64() });
        Ok(v1::ReadOfReply { cursors: cursors.collect() })
    }

    pub(crate) async fn unread(
        &self,
        caller: &Caller,
        request: v1::UnreadRequest,
    ) -> Result<v1::UnreadReply> {
        let named = Named::read(Rules::of(caller), request.member, request.with, request.group)?;
        let member = named.member()?;
        self.held_to_own_cursor(caller, &named).await?;
        // Who was never in a conversation has read nothing of it, and misses nothing.
        let view = self.timeline.view(member, &named.conversation()).await?;
        Ok(view.as_ref().map(Into::into).unwrap_or_default())
    }

    pub(crate) async fn list_unread(
        &self,
        caller: &Caller,
        request: v1::ListUnreadRequest,
    ) -> Result<v1::ListUnreadReply> {
        let rules = Rules::of(caller);
        let member = fields::member("member", rules.filled_in(request.member))?;
        let after = fields::optional(request.after, |text| mark::read(&text, &member))?;
        let count = fields::count(request.count)?;
        rules.list_conversations(&member)?;
        let after = after.map(|mark| mark.conversation);
        let page = self.timeline.unread_of(&member, after.as_ref(), count).await?;
        let next = |last: &ConversationView| {
            mark::write(&ConversationMark::new(last.at_ms, last.conversation.clone()), &member)
        };
        let next = page.views.last().filter(|_| page.more).map(next).unwrap_or_default();
        let conversations = page.views.iter().map(|view| v1::UnreadConversation::seen_by(&member, view));
        Ok(v1::ListUnreadReply { conversations: conversations.collect(), more: page.more, next })
    }
}
