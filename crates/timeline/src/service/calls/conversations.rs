//! The list of a member's conversations, and whom a call about one is taken from.

use super::Calls;
use crate::page::PAGE_BYTES_MAX;
use crate::proto::v1;
use crate::service::named::{Named, Of};
use crate::service::rules::Rules;
use crate::service::{Caller, fields, mark};
use crate::{ConversationSummary, Result};

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
        let fitting = fitting(&page.conversations);
        let more = page.more || fitting.len() < page.conversations.len();
        let next = fitting.last().filter(|_| more).map(|last| mark::write(&last.mark(), &member));
        let conversations = fitting.iter().map(|summary| v1::ConversationSummary::seen_by(&member, summary));
        Ok(v1::ConversationsReply {
            conversations: conversations.collect(),
            more,
            next: next.unwrap_or_default(),
        })
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

/// The conversations of a page that one answer has room for: as the entries of a page, 1 MiB of
/// last messages, and at least one.
fn fitting(page: &[ConversationSummary]) -> &[ConversationSummary] {
    let mut bytes = 0_usize;
    let fit = page.iter().take_while(|summary| {
        let is_first = bytes == 0;
        bytes = bytes.saturating_add(SUMMARY_BYTES + summary.last.as_ref().map_or(0, crate::Entry::bytes));
        is_first || bytes <= PAGE_BYTES_MAX
    });
    page.get(..fit.count()).unwrap_or(page)
}

/// About what a conversation has besides its last entry.
const SUMMARY_BYTES: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Conversation, ConversationView, Entry, GroupName, Message, Seq};

    fn summary(bytes: usize) -> ConversationSummary {
        let conversation = Conversation::group(GroupName::new("tea").unwrap());
        let last = Some(Entry::new(Seq::ZERO, Message::from_stored("x".repeat(bytes))));
        ConversationSummary { last, ..ConversationSummary::new(ConversationView::new(conversation)) }
    }

    #[test]
    fn an_answer_ends_before_it_has_more_than_a_page_and_has_one_at_least() {
        let fit = |bytes: usize, count: usize| fitting(&vec![summary(bytes); count]).len();
        assert_eq!(fit(10, 1_000), 1_000);
        assert_eq!(fit(64 * 1024, 1_000), 15);
        assert_eq!(fit(2 * PAGE_BYTES_MAX, 3), 1);
        assert_eq!(fit(0, 0), 0);
    }
}
