//! The list of a member's conversations, and whom a call about one is taken from.

use std::collections::HashSet;

use super::Calls;
use crate::page::COUNT_MAX;
use crate::proto::v1;
use crate::service::named::{Named, Of};
use crate::service::rules::Rules;
use crate::service::{Caller, fields, mark};
use crate::{ConversationPage, Count, GroupName, MemberId, Parties, Result};

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
        let mut page = self.timeline.conversations(&member, after.as_ref(), count).await?;
        if let Some(user) = rules.user() {
            self.hide_groups_of_others(user, &mut page).await?;
        }
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

    /// Refuses a user the cursor of another member, and one in a group that is not in their list.
    pub(super) async fn held_to_own_cursor(&self, caller: &Caller, named: &Named) -> Result<()> {
        let rules = Rules::of(caller);
        if let Some(member) = &named.member {
            rules.act_as(member)?;
        }
        let (Of::Group(name), Some(user)) = (&named.of, rules.user()) else { return Ok(()) };
        let group = self.timeline.group(name).await?;
        let view = self.timeline.view(user, &named.conversation()).await?;
        rules.keep_own_cursor(name, group.as_ref(), view.is_some_and(|view| !view.has_left))
    }

    /// Hides title and last message of groups that a user is not a member of.
    ///
    /// A service may send to anybody in a group, who then has it in their list. What others write
    /// there later is no more theirs than its history.
    async fn hide_groups_of_others(&self, user: &MemberId, page: &mut ConversationPage) -> Result<()> {
        let mut others: HashSet<GroupName> = page
            .conversations
            .iter()
            .filter_map(|summary| match summary.view.conversation.parties() {
                Parties::Group(name) => Some(name.clone()),
                Parties::Pair(..) => None,
            })
            .collect();
        let mut after = None;
        while !others.is_empty() {
            let own = self.timeline.groups_of(user, after.as_ref(), Count::new(COUNT_MAX)).await?;
            for group in &own.groups {
                others.remove(&group.name);
            }
            after = own.groups.last().map(|group| group.name.clone());
            if !own.more || after.is_none() {
                break;
            }
        }
        for summary in &mut page.conversations {
            if matches!(summary.view.conversation.parties(), Parties::Group(name) if others.contains(name)) {
                (summary.title, summary.last) = (String::new(), None);
            }
        }
        Ok(())
    }
}
