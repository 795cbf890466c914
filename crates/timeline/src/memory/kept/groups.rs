//! The groups, and who is in them.

use std::collections::HashSet;
use std::ops::Bound;

use super::Locked;
use crate::store::GroupChange;
use crate::{Conversation, Count, Group, GroupName, GroupPage, GroupSummary, MemberId, Result, Seq};

impl Locked {
    pub(in crate::memory) fn change_group(
        &mut self,
        name: &GroupName,
        change: &GroupChange,
        at_ms: u64,
    ) -> Result<Group> {
        let conversation = Conversation::group(name.clone());
        let history = self.histories.get(&conversation).map(|history| &history.entries);
        let has_history = || Ok(history.is_some_and(|entries| !entries.is_empty()));
        let before = self.groups.get(name);
        let group = change.apply(name, before, at_ms, has_history)?;
        let top = history.map_or(Seq::ZERO, |entries| entries.top());
        let (were_in, are_in) = (before.map(members).unwrap_or_default(), members(&group));
        for member in are_in.difference(&were_in) {
            self.rows.join(member, &conversation, top, at_ms);
        }
        for member in were_in.difference(&are_in) {
            if let Some(row) = self.rows.get_mut(member, &conversation) {
                row.has_left = true;
            }
        }
        self.groups.insert(name.clone(), group.clone());
        Ok(group)
    }

    pub(in crate::memory) fn group(&self, name: &GroupName) -> Option<Group> {
        self.groups.get(name).cloned()
    }

    /// Returns a page of the groups of a member.
    pub(in crate::memory) fn groups_of(
        &self,
        member: &MemberId,
        after: Option<&GroupName>,
        count: Count,
    ) -> GroupPage {
        let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
        let known = self.groups.range::<GroupName, _>((begin, Bound::Unbounded));
        let summary = |(name, group): (&GroupName, &Group)| {
            let members = u32::try_from(group.members.len()).unwrap_or(u32::MAX);
            let role = group.role_of(member)?;
            Some(GroupSummary::new(name.clone(), group.title.clone(), role, members))
        };
        // One more than fits says that there are more.
        let mut groups: Vec<_> = known.filter_map(summary).take(count.get() + 1).collect();
        let more = groups.len() > count.get();
        groups.truncate(count.get());
        GroupPage::new(groups, more)
    }
}

fn members(group: &Group) -> HashSet<MemberId> {
    group.members.iter().map(|known| known.member.clone()).collect()
}
