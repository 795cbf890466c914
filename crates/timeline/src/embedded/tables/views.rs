//! What a conversation is to one of its members.

use std::ops::Bound;

use fjall::{Readable as _, Snapshot};

use super::{Tables, read_error};
use crate::embedded::records::Row;
use crate::embedded::{keys, records};
use crate::{Conversation, ConversationView, Count, MemberId, Result, Seq, Unread, ViewPage};

impl Tables {
    /// Returns a conversation as a member sees it, if they were ever in it.
    pub(in crate::embedded) fn view(
        &self,
        member: &MemberId,
        conversation: &Conversation,
    ) -> Result<Option<ConversationView>> {
        let (snapshot, history) = (self.snapshot(), keys::history(conversation));
        match self.row_of(&snapshot, member, &history)? {
            Some(row) => self.view_of(&snapshot, conversation.clone(), &history, &row).map(Some),
            None => Ok(None),
        }
    }

    /// Returns a page of all conversations that a member was ever in, in the order of the keys.
    pub(in crate::embedded) fn views(
        &self,
        member: &MemberId,
        after: Option<&Conversation>,
        count: Count,
    ) -> Result<ViewPage> {
        let first = match after {
            Some(after) => Bound::Excluded(keys::row(member, &keys::history(after))),
            None => Bound::Included(keys::rows(member)),
        };
        let (snapshot, mut views) = (self.snapshot(), Vec::new());
        for guard in snapshot.range(&self.state, (first, Bound::Excluded(keys::rows_end(member)))) {
            if views.len() == count.get() {
                return Ok(ViewPage::new(views, true));
            }
            let (key, record) = guard.into_inner().map_err(read_error)?;
            let (history, row) = (keys::history_in_row(&key), records::decode_row(&record)?);
            views.push(self.view_of(&snapshot, keys::history_of_row(&key)?, history, &row)?);
        }
        Ok(ViewPage::new(views, false))
    }

    /// Returns how far members have read a conversation, in their order.
    pub(in crate::embedded) fn read_of(
        &self,
        conversation: &Conversation,
        members: &[MemberId],
    ) -> Result<Vec<Seq>> {
        let (snapshot, history) = (self.snapshot(), keys::history(conversation));
        let read = |member: &MemberId| -> Result<Seq> {
            Ok(self.row_of(&snapshot, member, &history)?.map_or(Seq::ZERO, |row| row.read))
        };
        members.iter().map(read).collect()
    }

    /// Returns what is kept of a conversation for one member.
    pub(in crate::embedded) fn row_of(
        &self,
        snapshot: &Snapshot,
        member: &MemberId,
        history: &[u8],
    ) -> Result<Option<Row>> {
        let row = snapshot.get(&self.state, keys::row(member, history)).map_err(read_error)?;
        row.map(|record| records::decode_row(&record)).transpose()
    }

    /// Returns a conversation as the member sees it whose row this is.
    pub(super) fn view_of(
        &self,
        snapshot: &Snapshot,
        conversation: Conversation,
        history: &[u8],
        row: &Row,
    ) -> Result<ConversationView> {
        let extent = self.extent(snapshot, history)?;
        let floor = extent.floor.max(row.cleared);
        let base = floor.max(row.read).max(row.joined);
        Ok(ConversationView {
            read: row.read,
            unread: self.unread(snapshot, history, base, extent.top)?,
            latest: extent.top,
            floor,
            at_ms: self.last_time(snapshot, history, extent)?.max(row.since_ms),
            has_left: row.has_left,
            ..ConversationView::new(conversation)
        })
    }

    /// Returns how many messages lie above `base` up to `latest`.
    ///
    /// These are all places but those of which the index says that they have no message.
    fn unread(&self, snapshot: &Snapshot, history: &[u8], base: Seq, latest: Seq) -> Result<Unread> {
        if base >= latest {
            return Ok(Unread::default());
        }
        let places = keys::non_message(history, base.next())..=keys::non_message(history, latest);
        let mut others = 0;
        for guard in snapshot.range(&self.state, places) {
            let place = keys::sequence_of(&guard.key().map_err(read_error)?)?;
            // What lies behind cannot make it fewer.
            let messages = place.get().saturating_sub(base.get() + 1 + others);
            if messages >= u64::from(Unread::MAX) {
                return Ok(Unread::new(messages));
            }
            others += 1;
        }
        Ok(Unread::new((latest.get() - base.get()).saturating_sub(others)))
    }
}
