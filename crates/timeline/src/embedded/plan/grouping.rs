//! What a change of a group writes.

use super::{Plan, keys};
use crate::store::GroupChange;
use crate::{Conversation, Error, Group, GroupName, Result};

impl Plan<'_> {
    /// Plans a change of a group. An error changes nothing.
    ///
    /// `refusal` is as for [`append`](Self::append).
    pub(in crate::embedded) fn change_group(
        &mut self,
        name: &GroupName,
        change: &GroupChange,
        refusal: Option<&Error>,
    ) -> Result<Group> {
        let history = keys::history(&Conversation::group(name.clone()));
        // All sends come through this thread, and those of this batch count: none is between the
        // answer and the group.
        let has_history = || {
            let extent = self.draft.boxes.extent(self.before, &history)?;
            Ok(extent.top > extent.floor)
        };
        let step =
            self.draft.groups.step(self.before.tables, (name, change), self.draft.unix_ms, has_history)?;
        if !step.is_change() {
            return Ok(step.into_group());
        }
        if let Some(refusal) = refusal {
            return Err(refusal.clone());
        }
        let top = self.draft.boxes.extent(self.before, &history)?.top;
        let rows = self.draft.rows.of_group(
            self.before,
            &history,
            (step.joined(), step.left()),
            top,
            self.draft.unix_ms,
        )?;

        // From here on nothing fails.
        self.draft.rows.take(rows);
        Ok(self.draft.groups.take(step))
    }
}
