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
            let extent = self.boxes.extent(&history)?;
            Ok(extent.top > extent.floor)
        };
        let step = self.groups.step(self.tables, (name, change), self.unix_ms, has_history)?;
        if !step.is_change() {
            return Ok(step.into_group());
        }
        if let Some(refusal) = refusal {
            return Err(refusal.clone());
        }
        let top = self.boxes.extent(&history)?.top;
        let rows = self.rows.of_group(&history, (step.joined(), step.left()), top, self.unix_ms)?;

        // From here on nothing fails.
        self.rows.take(rows);
        Ok(self.groups.take(step))
    }
}
