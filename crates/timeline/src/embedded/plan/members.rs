//! What members do for themselves: what they received, read, and free.

use fjall::Slice;

use super::rows::Rows;
use super::{Plan, keys};
use crate::embedded::records::Row;
use crate::{Conversation, Error, ErrorKind, MemberId, ReadCursor, Result, Seq};

impl Plan<'_> {
    /// Plans to raise a member's cursor. An error changes nothing.
    pub(in crate::embedded) fn received(&mut self, member: &MemberId, sequence: Seq) -> Result<Seq> {
        check_reached(sequence, self.draft.boxes.extent(self.before, &keys::inbox(member))?.top, "inbox")?;
        let key = keys::received(member);
        let before = self.received_of(&key)?;
        if sequence > before {
            self.draft.received.insert(key, Some(sequence));
        }
        Ok(before.max(sequence))
    }

    /// Plans to free a member's inbox up to `sequence`, and returns its floor. An error changes
    /// nothing.
    pub(in crate::embedded) fn ack(&mut self, member: &MemberId, sequence: Seq) -> Result<Seq> {
        let extent = self.draft.boxes.extent(self.before, &keys::inbox(member))?;
        check_reached(sequence, extent.top, "inbox")?;
        if let Some(step) = self.draft.boxes.free(self.before, member, sequence)? {
            self.draft.boxes.take(step);
        }
        Ok(extent.floor.max(sequence))
    }

    /// Plans to raise how far a member has read a conversation. An error changes nothing.
    pub(in crate::embedded) fn read(
        &mut self,
        member: &MemberId,
        conversation: &Conversation,
        sequence: Seq,
    ) -> Result<Seq> {
        let history = keys::history(conversation);
        let (key, row) = self.row_of(member, &history)?;
        check_reached(sequence, self.draft.boxes.extent(self.before, &history)?.top, "conversation")?;
        if sequence > row.read {
            self.draft
                .cursors
                .insert(key.clone(), ReadCursor::new(member.clone(), conversation.clone(), sequence));
            self.draft.rows.take(Rows::of_change(key, Row { read: sequence, ..row }));
        }
        Ok(row.read.max(sequence))
    }

    /// Plans to free a conversation for one member. An error changes nothing.
    pub(in crate::embedded) fn clear(
        &mut self,
        member: &MemberId,
        conversation: &Conversation,
    ) -> Result<()> {
        let history = keys::history(conversation);
        let (key, row) = self.row_of(member, &history)?;
        let top = self.draft.boxes.extent(self.before, &history)?.top;
        if top > row.cleared {
            self.draft.rows.take(Rows::of_change(key, Row { cleared: top, ..row }));
        }
        Ok(())
    }

    /// Plans to remove what is kept for a member alone. An error changes nothing.
    ///
    /// Of the rows it removes some behind the key `after`; if there are more, it returns the last
    /// key, behind which another batch goes on.
    pub(in crate::embedded) fn forget(
        &mut self,
        member: &MemberId,
        after: Option<&[u8]>,
    ) -> Result<Option<Vec<u8>>> {
        let top = self.draft.boxes.extent(self.before, &keys::inbox(member))?.top;
        let freed = self.draft.boxes.free(self.before, member, top)?;
        let (rows, last) = self.draft.rows.of_forgotten(self.before.tables, member, after)?;
        let key = keys::received(member);
        let received = self.received_of(&key)?;

        // From here on nothing fails.
        if let Some(step) = freed {
            self.draft.boxes.take(step);
        }
        self.draft.rows.take(rows);
        if received > Seq::ZERO {
            self.draft.received.insert(key, None);
        }
        Ok(last)
    }

    fn received_of(&self, key: &[u8]) -> Result<Seq> {
        match self.draft.received.get(key) {
            Some(received) => Ok(received.unwrap_or_default()),
            None => self.before.tables.cursor(&self.before.tables.snapshot(), key),
        }
    }

    /// Returns the row of a member with its key.
    fn row_of(&self, member: &MemberId, history: &[u8]) -> Result<(Slice, Row)> {
        let key = Slice::from(keys::row(member, history));
        match self.draft.rows.row(self.before, &key)? {
            Some(row) => Ok((key, row)),
            None => {
                let text = format!("{member} was never in this conversation");
                Err(Error::new(ErrorKind::NotFound, text))
            }
        }
    }
}

/// Fails if what ends with `top` does not reach `sequence`.
fn check_reached(sequence: Seq, top: Seq, what: &str) -> Result<()> {
    if sequence > top {
        let text = format!("{sequence} is beyond the latest entry of the {what}, which is {top}");
        return Err(Error::invalid(text).in_field("sequence"));
    }
    Ok(())
}
