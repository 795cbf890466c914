//! The list of a member's conversations, the most recent first.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use fjall::{Readable as _, Slice, Snapshot};

use super::page_reader::PageReader;
use super::{Tables, read_error};
use crate::conversation::Parties;
use crate::embedded::records::{EntryReader, Extent, Row};
use crate::embedded::{keys, records};
use crate::{
    ConversationMark, ConversationPage, ConversationSummary, ConversationView, Count, Entry, EntryKind,
    GroupName, MemberId, Result, Seq, page,
};

/// How many entries are looked through for the last message of a conversation.
const LAST_AMONG: u64 = 100;

/// Where a row stands in the list: by its time, and those of one time by their keys.
type Rank = (Reverse<u64>, Slice);

impl Tables {
    /// Returns a page of a member's list of conversations, the most recent first.
    ///
    /// It looks at all rows of the member, and keeps those of the page.
    pub(in crate::embedded) fn conversations(
        &self,
        member: &MemberId,
        after: Option<&ConversationMark>,
        count: Count,
    ) -> Result<ConversationPage> {
        let snapshot = self.snapshot();
        let after = after.map(|mark| {
            let key = keys::row(member, &keys::history(&mark.conversation));
            (Reverse(mark.at_ms), Slice::from(key))
        });
        // The last one of the page is on top.
        let (mut ranks, mut more) = (BinaryHeap::new(), false);
        for guard in snapshot.range(&self.state, keys::rows(member)..keys::rows_end(member)) {
            let (key, record) = guard.into_inner().map_err(read_error)?;
            let row = records::decode_row(&record)?;
            let Some(at_ms) = self.listed_at(&snapshot, keys::history_in_row(&key), &row)? else { continue };
            let rank: Rank = (Reverse(at_ms), key);
            if after.as_ref().is_some_and(|after| rank <= *after) {
                continue;
            }
            ranks.push(rank);
            if ranks.len() > count.get() {
                ranks.pop();
                more = true;
            }
        }
        let ranks = ranks.into_sorted_vec();
        // No message is read that the page has no room for.
        ConversationPage::fitting(ranks.iter().map(|(_, key)| self.summary(&snapshot, member, key)), more)
    }

    /// Returns the time by which a row stands in the list, `None` if it does not.
    fn listed_at(&self, snapshot: &Snapshot, history: &[u8], row: &Row) -> Result<Option<u64>> {
        if row.has_left {
            return Ok(None);
        }
        let extent = self.extent(snapshot, history)?;
        let Extent { floor, top, .. } = extent;
        let is_empty = top > Seq::ZERO && floor.max(row.cleared) >= top;
        if is_empty || self.is_purged(snapshot, history, extent)? {
            return Ok(None);
        }
        if row.cleared > floor && !self.has_message(snapshot, history, row.cleared, top)? {
            return Ok(None);
        }
        Ok(Some(self.last_time(snapshot, history, extent)?.max(row.since_ms)))
    }

    /// Returns whether a history has nothing but the entry that tells of its purge.
    fn is_purged(&self, snapshot: &Snapshot, history: &[u8], extent: Extent) -> Result<bool> {
        let Extent { floor, top, .. } = extent;
        // A purge raises the floor up to itself, so that no other entry has to be looked at.
        if floor == Seq::ZERO || floor.next() != top {
            return Ok(false);
        }
        let record = self.entry_record(snapshot, history, top)?;
        Ok(EntryReader::of(history).entry(top, &record)?.entry.kind == EntryKind::Purge)
    }

    /// Returns whether a message or a tombstone has come since a conversation was cleared.
    ///
    /// What was cleared does not come back with a change of what is in it. A hundred changes do.
    fn has_message(&self, snapshot: &Snapshot, history: &[u8], cleared: Seq, top: Seq) -> Result<bool> {
        let first = cleared.get().max(top.get().saturating_sub(LAST_AMONG)) + 1;
        for place in (first..=top.get()).rev() {
            let record = self.entry_record(snapshot, history, Seq::new(place)?)?;
            if !records::is_telling(&record) {
                return Ok(true);
            }
        }
        Ok(first > cleared.next().get())
    }

    fn summary(&self, snapshot: &Snapshot, member: &MemberId, key: &[u8]) -> Result<ConversationSummary> {
        let (history, conversation) = (keys::history_in_row(key), keys::history_of_row(key)?);
        let (mut title, mut peer_read) = (String::new(), Seq::ZERO);
        match conversation.parties() {
            Parties::Group(group) => title = self.title(snapshot, group)?,
            Parties::Pair(smaller, larger) if smaller == larger => {}
            Parties::Pair(smaller, larger) => {
                let peer = if smaller == member { larger } else { smaller };
                peer_read = self.row_of(snapshot, peer, history)?.map_or(Seq::ZERO, |row| row.read);
            }
        }
        // The row was there in this snapshot.
        let row = self.row_of(snapshot, member, history)?.unwrap_or_default();
        let view = self.view_of(snapshot, conversation, history, &row)?;
        let last = self.last_message(snapshot, history, &view)?;
        Ok(ConversationSummary { title, last, peer_read, ..ConversationSummary::new(view) })
    }

    /// Returns the title of a group, empty if the store does not know it.
    fn title(&self, snapshot: &Snapshot, group: &GroupName) -> Result<String> {
        let record = snapshot.get(&self.state, keys::group_summary(group)).map_err(read_error)?;
        record.map_or_else(
            || Ok(String::new()),
            |record| records::decode_summary(&record).map(|summary| summary.title),
        )
    }

    /// Returns the newest message or tombstone that the member can read, of the last 100 entries.
    fn last_message(
        &self,
        snapshot: &Snapshot,
        history: &[u8],
        view: &ConversationView,
    ) -> Result<Option<Entry>> {
        let latest = view.latest.get();
        let first = view.floor.get().max(latest.saturating_sub(LAST_AMONG)) + 1;
        let mut reader = PageReader::history(self, snapshot, history, view.floor);
        // It is the last one mostly, so that looking at one after the other beats a range.
        for place in (first..=latest).rev() {
            let place = Seq::new(place)?;
            let record = self.entry_record(snapshot, history, place)?;
            // For an edit the reader would look up the text of its message.
            if records::is_telling(&record) {
                continue;
            }
            let entry = reader.entry(place, &record)?;
            if matches!(entry.kind, EntryKind::Message | EntryKind::Tombstone) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// Returns the record of an entry that is there.
    fn entry_record(&self, snapshot: &Snapshot, prefix: &[u8], sequence: Seq) -> Result<Slice> {
        match snapshot.get(&self.entries, keys::entry(prefix, sequence)).map_err(read_error)? {
            Some(record) => Ok(record),
            None => page::check_contiguous(&[], sequence, sequence).map(|()| Slice::from([0_u8; 0])),
        }
    }
}
