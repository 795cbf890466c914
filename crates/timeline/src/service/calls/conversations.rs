//! The list of a member's conversations, and whom a call about one is taken from.

use super::Calls;
use crate::Result;
use crate::proto::v1;
use crate::service::named::{Named, Of};
use crate::service::rules::Rules;
use crate::service::{Caller, fields, mark};

impl Calls {
    pub(crate) async fn conversations(
        &self,
        caller: &Caller,
        request: v1::ConversationsRequest,
    ) -> Result<v1::ConversationsReply> {
        let rules = Rules::of(caller);
        let member = fields::member("member", rules.filled_in(request.member))?;
        let after = fields::optional(request.after, |text| mark::read(&text, &member))?;
        let count = fields::count(request.count)?;
        rules.list_conversations(&member)?;
        let page = self.timeline.conversations(&member, after.as_ref(), count).await?;
        let last = page.conversations.last().filter(|_| page.more);
        let next = last.map(|last| mark::write(&last.mark(), &member)).unwrap_or_default();
        let conversations =
            page.conversations.iter().map(|summary| v1::ConversationSummary::seen_by(&member, summary));
        Ok(v1::ConversationsReply { conversations: conversations.collect(), more: page.more, next })
    }

    /// Refuses a user what is not theirs: another member's part in a conversation, and a group that
    /// they are not in.
    pub(super) async fn held_to_own(&self, caller: &Caller, named: &Named) -> Result<()> {
        let rules = Rules::of(caller);
        if let Some(member) = &named.member {
            rules.act_as(member)?;
        }
        match &named.of {
            Of::Two(..) => Ok(()),
            Of::Group(name) => rules.take_part(name, self.judged(rules, name).await?.as_ref()),
        }
    }
}
