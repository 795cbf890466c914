//! What conversations are to their members.

use std::cmp::Reverse;

use super::super::entry_box::EntryBox;
use super::super::rows::{Row, key};
use super::Locked;
use crate::conversation::peer_of;
use crate::{
    Conversation, ConversationMark, ConversationPage, ConversationSummary, ConversationView, Count, Entry,
    EntryKind, EntryStatus, Error, ErrorKind, MemberId, Parties, Result, Seq, Unread, ViewPage,
};

/// How many entries of a history are looked at for the last message.
const LOOKED_AT: usize = 100;

impl Locked {
    /// Raises how far a member has read, and returns it and whether it has risen.
    pub(in crate::memory) fn read(
        &mut self,
        member: &MemberId,
        conversation: &Conversation,
        sequence: Seq,
    ) -> Result<(Seq, bool)> {
        let empty = EntryBox::default();
        let entries = self.histories.get(conversation).map_or(&empty, |history| &history.entries);
        let row = self.rows.get_mut(member, conversation).ok_or_else(|| never_in(member))?;
        entries.check_reaches(sequence, "conversation")?;
        let has_risen = sequence > row.read;
        row.read = row.read.max(sequence);
        Ok((row.read, has_risen))
    }

    pub(in crate::memory) fn read_of(&self, conversation: &Conversation, members: &[MemberId]) -> Vec<Seq> {
        let read = |member| self.rows.get(member, conversation).map_or(Seq::ZERO, |row| row.read);
        members.iter().map(read).collect()
    }

    pub(in crate::memory) fn view(
        &self,
        member: &MemberId,
        conversation: &Conversation,
    ) -> Option<ConversationView> {
        self.rows.get(member, conversation).map(|row| self.view_of(row))
    }

    /// Returns a page of all conversations that a member was ever in.
    pub(in crate::memory) fn views(
        &self,
        member: &MemberId,
        after: Option<&Conversation>,
        count: Count,
    ) -> ViewPage {
        let mut rows = self.rows.of(member, after);
        let views = rows.by_ref().take(count.get()).map(|(_, row)| self.view_of(row)).collect();
        ViewPage::new(views, rows.next().is_some())
    }

    /// Returns a page of a member's list of conversations.
    pub(in crate::memory) fn conversations(
        &self,
        member: &MemberId,
        after: Option<&ConversationMark>,
        count: Count,
    ) -> Result<ConversationPage> {
        let after = after.map(|mark| (Reverse(mark.at_ms), key(&mark.conversation)));
        let listed = self.rows.of(member, None).filter(|(_, row)| self.is_listed(row));
        let views = listed.map(|(key, row)| ((Reverse(self.view_of(row).at_ms), key.to_owned()), row));
        let mut found: Vec<_> =
            views.filter(|(order, _)| after.as_ref().is_none_or(|after| order > after)).collect();
        found.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let more = found.len() > count.get();
        let found = found.iter().take(count.get());
        ConversationPage::fitting(found.map(|(_, row)| Ok(self.summary(member, row))), more)
    }

    /// Frees a conversation for one member.
    pub(in crate::memory) fn clear(&mut self, member: &MemberId, conversation: &Conversation) -> Result<()> {
        let top = self.histories.get(conversation).map_or(Seq::ZERO, |history| history.entries.top());
        let row = self.rows.get_mut(member, conversation).ok_or_else(|| never_in(member))?;
        row.cleared = top;
        Ok(())
    }

    fn view_of(&self, row: &Row) -> ConversationView {
        let empty = EntryBox::default();
        let entries = self.histories.get(&row.conversation).map_or(&empty, |history| &history.entries);
        let floor = entries.floor().max(row.cleared);
        let behind = entries.after(floor.max(row.read).max(row.joined));
        let unread = behind.filter(|entry| entry.kind == EntryKind::Message).count();
        ConversationView {
            read: row.read,
            unread: Unread::new(unread as u64),
            latest: entries.top(),
            floor,
            at_ms: entries.last_ms().max(row.since_ms),
            has_left: row.has_left,
            ..ConversationView::new(row.conversation.clone())
        }
    }

    /// Returns whether a conversation is in the list of the member.
    fn is_listed(&self, row: &Row) -> bool {
        let history = self.histories.get(&row.conversation);
        let Some(entries) = history.map(|history| &history.entries) else { return !row.has_left };
        let mut readable = entries.after(row.cleared);
        let is_something = |entry: &Entry| entry.kind != EntryKind::Purge && is_used(entry);
        // What was cleared does not come back with a change of what is in it.
        let is_cleared = row.cleared > entries.floor();
        let counts = |entry: &Entry| if is_cleared { is_message(entry) } else { is_something(entry) };
        !row.has_left && readable.any(counts)
    }

    fn summary(&self, member: &MemberId, row: &Row) -> ConversationSummary {
        let view = self.view_of(row);
        let history = self.histories.get(&row.conversation);
        let last = history.and_then(|history| {
            let mut latest = history.entries.after(view.floor).rev().take(LOOKED_AT);
            latest.find(|entry| is_message(entry)).cloned()
        });
        let title = match row.conversation.parties() {
            Parties::Group(name) => self.groups.get(name).map(|group| group.title.clone()),
            Parties::Pair(..) => None,
        };
        let peer = peer_of(&row.conversation, member);
        let peer_row = peer.and_then(|peer| self.rows.get(peer, &row.conversation));
        ConversationSummary {
            title: title.unwrap_or_default(),
            last,
            peer_read: peer_row.map_or(Seq::ZERO, |row| row.read),
            ..ConversationSummary::new(view)
        }
    }
}

/// Returns whether an entry is a message, or stands for one that is gone.
fn is_message(entry: &Entry) -> bool {
    matches!(entry.kind, EntryKind::Message | EntryKind::Tombstone) && is_used(entry)
}

/// Returns whether there ever was anything at the place of an entry.
fn is_used(entry: &Entry) -> bool {
    entry.status != EntryStatus::Unused
}

fn never_in(member: &MemberId) -> Error {
    Error::new(ErrorKind::NotFound, format!("{member} was never in this conversation"))
}
