//! Pages of inboxes and histories.

use fjall::{Guard, Readable as _, Snapshot};

use super::page_reader::PageReader;
use super::{Tables, read_error};
use crate::embedded::keys;
use crate::embedded::records::{EntryReader, Extent};
use crate::{
    Conversation, Entry, HistoryPage, InboxPage, MemberId, PageRequest, Position, Result, Seq, page,
};

/// A page of a box.
struct Paged {
    entries: Vec<Entry>,
    /// Whether there are more in its direction.
    more: bool,
}

impl Tables {
    /// Returns the inbox of a member after a position.
    pub(in crate::embedded) fn inbox(
        &self,
        member: &MemberId,
        last_read: Position,
        page: PageRequest,
    ) -> Result<InboxPage> {
        // One snapshot for the extent and the entries: with two, a batch between them would look
        // like a hole.
        let (snapshot, prefix) = (self.snapshot(), keys::inbox(member));
        let extent = self.extent(&snapshot, &prefix)?;
        let entries = if self.gave_out(&snapshot, &prefix, extent, last_read)? {
            let reader = PageReader::inbox(self, &snapshot, member);
            Some(self.read(&snapshot, reader, &prefix, extent, page)?.entries)
        } else {
            None
        };
        let (generation, reset) = (self.generation, entries.is_none());
        let answer = InboxPage::new(extent.top, entries.unwrap_or_default());
        Ok(InboxPage { reset, generation, floor: extent.floor, ..answer })
    }

    /// Returns a page of a history.
    pub(in crate::embedded) fn history(
        &self,
        conversation: &Conversation,
        page: PageRequest,
    ) -> Result<HistoryPage> {
        let (snapshot, prefix) = (self.snapshot(), keys::history(conversation));
        let extent = self.extent(&snapshot, &prefix)?;
        let last_read = match page.at_ms {
            Some(at_ms) => {
                let first = self.first_since(&snapshot, &prefix, extent, at_ms)?;
                // Pages begin behind `last_read`, and end before it.
                if page.backward { first } else { Seq::new(first.get() - 1)? }
            }
            None => page.last_read,
        };
        let reader = PageReader::history(self, &snapshot, &prefix, extent.floor);
        let paged = self.read(&snapshot, reader, &prefix, extent, PageRequest { last_read, ..page })?;
        Ok(HistoryPage::new(paged.entries, paged.more, extent.floor))
    }

    /// Returns whether a reader can have its position from this box.
    fn gave_out(
        &self,
        snapshot: &Snapshot,
        prefix: &[u8],
        extent: Extent,
        position: Position,
    ) -> Result<bool> {
        let Position { sequence, tag } = position;
        if sequence > extent.top {
            return Ok(false);
        }
        // An entry at or below the floor was removed, so its tag cannot be compared any more.
        let Some(tag) = tag.filter(|_| sequence > extent.floor) else { return Ok(true) };
        match snapshot.get(&self.entries, keys::entry(prefix, sequence)).map_err(read_error)? {
            Some(record) => Ok(EntryReader::default().entry(sequence, &record)?.entry.tag == Some(tag)),
            None => page::check_contiguous(&[], sequence, sequence).map(|()| true),
        }
    }

    fn read(
        &self,
        snapshot: &Snapshot,
        reader: PageReader<'_>,
        prefix: &[u8],
        extent: Extent,
        page: PageRequest,
    ) -> Result<Paged> {
        let Extent { floor, top, .. } = extent;
        let Some((first, last)) = page.bounds(floor, top) else {
            return Ok(Paged { entries: Vec::new(), more: false });
        };
        let range = snapshot.range(&self.entries, keys::entry(prefix, first)..=keys::entry(prefix, last));
        let (entries, cut) = if page.backward {
            let (mut entries, cut) = take_bytes(reader, range.rev())?;
            entries.reverse();
            (entries, cut)
        } else {
            take_bytes(reader, range)?
        };
        // A page that was cut short by its bytes has no gap up to where it ends.
        let (first, last) = match (entries.first(), entries.last()) {
            (Some(oldest), _) if cut && page.backward => (oldest.sequence, last),
            (_, Some(newest)) if cut => (first, newest.sequence),
            _ => (first, last),
        };
        page::check_contiguous(&entries, first, last)?;
        let more = if page.backward { first > floor.next() } else { last < top };
        Ok(Paged { entries, more })
    }
}

/// Reads entries until they have as many bytes as a page may have; at least one. Says whether it
/// ended there.
fn take_bytes(mut reader: PageReader<'_>, range: impl Iterator<Item = Guard>) -> Result<(Vec<Entry>, bool)> {
    let (mut entries, mut bytes) = (Vec::new(), 0);
    for guard in range {
        let (key, record) = guard.into_inner().map_err(read_error)?;
        let entry = reader.entry(keys::sequence_of(&key)?, &record)?;
        bytes += entry.bytes();
        if bytes > page::PAGE_BYTES_MAX && !entries.is_empty() {
            return Ok((entries, true));
        }
        entries.push(entry);
    }
    Ok((entries, false))
}
