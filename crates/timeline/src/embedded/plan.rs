//! One batch in the making: its sequences and its records.

use std::collections::HashMap;

use fjall::{OwnedWriteBatch as WriteBatch, Slice};

use super::groups::PlannedGroups;
use super::recent::Recent;
use super::records::{BodyKey, EncodedText, Extent, StoredAnswer};
use super::removals::Freed;
use super::tables::Tables;
use super::{keys, records, tables};
use crate::store::{Append, Appended, GroupChange, IdempotencyKey};
use crate::{
    Conversation, Destination, Entry, Error, ErrorKind, Group, GroupName, MemberId, Message, Result, Seq, Tag,
};

/// More recipients than this share the text of a message, if it is longer than [`SHARED_BYTES`].
///
/// A text of its own is read at once with its entry; a shared one is one more look for each reader.
const SHARED_RECIPIENTS: usize = 16;

/// See [`SHARED_RECIPIENTS`].
const SHARED_BYTES: usize = 256;

/// One batch in the making.
///
/// What it gave out so far is in its maps, what was committed before in the tables. Dropped instead
/// of committed it has changed nothing, so a failed batch leaves no gap.
pub(super) struct Plan<'a> {
    tables: &'a Tables,
    recent: &'a Recent,
    number: u64,
    unix_ms: u64,
    batch: WriteBatch,
    bodies: u32,
    written: bool,
    extents: Extents,
    // By the key in `state`.
    received: HashMap<Vec<u8>, Seq, foldhash::fast::RandomState>,
    freed: FreedBoxes,
    // By the key in `sends`.
    answers: HashMap<Vec<u8>, StoredAnswer, foldhash::fast::RandomState>,
    groups: PlannedGroups,
    news: Vec<(MemberId, Entry)>,
}

/// Returns about how many bytes a send will write: its text, the names in each record, and those in
/// each key.
pub(super) fn bytes_of(append: &Append) -> usize {
    let from = append.from.as_ref().map_or(0, |member| member.as_str().len());
    let to = match &append.to {
        Destination::Member(member) => member.as_str().len(),
        Destination::Group(group) => group.as_str().len(),
    };
    let message_id = append.token.as_ref().map_or(0, |token| token.message_id.as_str().len());
    let (text, recipients) = (append.message.as_str().len(), append.recipients.len());
    let record = RECORD_BYTES + from + to + message_id;
    let records = record * (recipients + 1);
    let texts = if is_shared(append) { text } else { text * (recipients + 1) };
    // A box has its name in the key of the entry and in that of its record.
    let keys =
        append.recipients.iter().map(|member| 2 * member.as_str().len()).sum::<usize>() + 2 * (from + to);
    texts + records + keys
}

fn is_shared(append: &Append) -> bool {
    append.recipients.len() > SHARED_RECIPIENTS && append.message.as_str().len() > SHARED_BYTES
}

/// About as many bytes as an entry has beside its text and its names, with its key and the record
/// of its box.
const RECORD_BYTES: usize = 100;

/// What a plan writes and whom it concerns.
pub(super) struct Planned {
    pub(super) batch: WriteBatch,
    pub(super) news: Vec<(MemberId, Entry)>,
    /// Where the boxes begin and end once it is written.
    pub(super) extents: Extents,
    pub(super) freed: FreedBoxes,
}

impl Planned {
    /// Returns the members whose inboxes it changes; one may be there more than once.
    pub(super) fn concerned(&self) -> Vec<MemberId> {
        let freed = self.freed.values().map(|freed| &freed.member);
        self.news.iter().map(|(member, _)| member).chain(freed).cloned().collect()
    }
}

/// Where boxes begin and end, by what their keys begin with.
type Extents = HashMap<Vec<u8>, Extent, foldhash::fast::RandomState>;

/// What acks free, by what the keys of the inbox begin with.
type FreedBoxes = HashMap<Vec<u8>, Freed, foldhash::fast::RandomState>;

impl<'a> Plan<'a> {
    /// Begins the batch `number`.
    pub(super) fn new(tables: &'a Tables, recent: &'a Recent, number: u64, unix_ms: u64) -> Self {
        Self {
            tables,
            recent,
            number,
            unix_ms,
            batch: tables.batch(number),
            bodies: 0,
            written: false,
            extents: HashMap::default(),
            received: HashMap::default(),
            freed: HashMap::default(),
            answers: HashMap::default(),
            groups: PlannedGroups::default(),
            news: Vec::new(),
        }
    }

    /// Plans a send, or finds that it was done before. An error changes nothing.
    ///
    /// `refusal` says why nothing may be written, if so. A send that was done before writes
    /// nothing, and is answered all the same: its sender asks again only because the first answer
    /// was lost.
    pub(super) fn append(&mut self, append: &Append, refusal: Option<&Error>) -> Result<Appended> {
        let history = keys::history(&append.conversation);
        let send = append.token.as_ref().map(|token| (keys::send(&history, &token.message_id), token));
        if let Some((key, token)) = &send
            && let Some(answer) = self.repeated(key, token)?
        {
            return Ok(Appended::new(answer, Vec::new()));
        }
        if let Some(refusal) = refusal {
            return Err(refusal.clone());
        }

        // Everything that can fail comes first, so that an error leaves no half of a send in the
        // batch.
        let history_extent = self.grown(&history)?;
        let mut inboxes = Vec::with_capacity(append.recipients.len());
        for member in &append.recipients {
            let inbox = keys::inbox(member);
            let extent = self.grown(&inbox)?;
            inboxes.push((member, inbox, extent));
        }

        let text = if is_shared(append) {
            EncodedText::Body(self.write_body(&append.message))
        } else {
            EncodedText::Here(append.message.as_str())
        };
        // The tag is random and not counted: after an older copy of the store was put back, the
        // same sequences are given out again, and only the tags tell the entries apart.
        let tag = Tag::new(fastrand::u64(..));
        // The copies share one record in memory.
        let record = Slice::from(records::encode_entry(self.unix_ms, tag, append, text));
        let entry = self.entry(append, tag);
        self.write_entry(history, history_extent, &record);
        let mut answer = Seq::ZERO;
        for (member, inbox, extent) in inboxes {
            self.write_entry(inbox, extent, &record);
            // The last recipient's sequence is the answer; who makes the send puts the receiver
            // there.
            answer = extent.top;
            self.news.push((member.clone(), Entry { sequence: answer, ..entry.clone() }));
        }
        if let Some((key, token)) = send {
            self.batch.insert(&self.tables.sends, key.as_slice(), records::encode_answer(answer, token));
            self.answers.insert(key, StoredAnswer { sequence: answer, digest: token.digest });
        }
        Ok(Appended::new(answer, Vec::new()))
    }

    /// Plans to raise a member's cursor. An error changes nothing.
    pub(super) fn received(&mut self, member: &MemberId, sequence: Seq) -> Result<Seq> {
        check_reached(sequence, self.extent(&keys::inbox(member))?.top)?;
        let key = keys::received(member);
        let before = match self.received.get(&key) {
            Some(before) => *before,
            None => self.tables.cursor(&self.tables.snapshot(), &key)?,
        };
        if sequence > before {
            self.received.insert(key, sequence);
        }
        Ok(before.max(sequence))
    }

    /// Plans to free a member's inbox up to `sequence`, and returns its floor. An error changes
    /// nothing.
    pub(super) fn ack(&mut self, member: &MemberId, sequence: Seq) -> Result<Seq> {
        let inbox = keys::inbox(member);
        let extent = self.extent(&inbox)?;
        check_reached(sequence, extent.top)?;
        if sequence <= extent.floor {
            return Ok(extent.floor);
        }
        let entries = sequence.get() - extent.floor.get();
        if let Some(freed) = self.freed.get_mut(&inbox) {
            freed.left.top = sequence;
            freed.entries += entries;
        } else {
            // What earlier acks have freed may not be removed yet. Nothing is left of a box that
            // was never freed, which saves the look.
            let is_new = extent.floor == Seq::ZERO;
            let before = if is_new { None } else { self.tables.left_to_remove(&inbox)? };
            let floor = before.map_or(extent.floor, |left| left.floor);
            let (member, left) = (member.clone(), Extent { floor, top: sequence });
            let freed = Freed { member, left, entries, is_first: before.is_none() };
            self.freed.insert(inbox.clone(), freed);
        }
        self.extents.insert(inbox, Extent { floor: sequence, ..extent });
        Ok(sequence)
    }

    /// Plans a change of a group. An error changes nothing.
    ///
    /// `refusal` is as for [`append`](Self::append).
    pub(super) fn change_group(
        &mut self,
        name: &GroupName,
        change: &GroupChange,
        refusal: Option<&Error>,
    ) -> Result<Group> {
        // All sends come through this thread, and those of this batch count: none is between the
        // answer and the group.
        let has_history = || {
            let history = keys::history(&Conversation::group(name.clone()));
            let extent = extent_of(&self.extents, self.recent, self.tables, &history)?;
            Ok(extent.top > extent.floor)
        };
        self.groups.change(self.tables, (name, change), self.unix_ms, refusal, has_history)
    }

    /// Returns what is to be written, or `None` when nothing is.
    pub(super) fn finish(mut self) -> Option<Planned> {
        let is_empty = self.received.is_empty() && self.freed.is_empty();
        if !self.written && is_empty && !self.groups.has_changes() {
            return None;
        }
        self.groups.write(self.tables, &mut self.batch);
        for (key, sequence) in self.received {
            self.batch.insert(&self.tables.state, key, records::encode_sequence(sequence));
        }
        for (prefix, extent) in &self.extents {
            self.batch.insert(&self.tables.state, keys::extent(prefix), records::encode_extent(*extent));
        }
        for (prefix, freed) in &self.freed {
            let record = records::encode_extent(freed.left);
            self.batch.insert(&self.tables.state, keys::removal(prefix), record);
        }
        Some(Planned { batch: self.batch, news: self.news, extents: self.extents, freed: self.freed })
    }

    /// Returns the entry of a send, which has no sequence yet.
    fn entry(&self, append: &Append, tag: Tag) -> Entry {
        Entry {
            from: append.from.clone(),
            to: Some(append.to.clone()),
            at_ms: self.unix_ms,
            message_id: append.token.as_ref().map(|token| token.message_id.clone()),
            tag: Some(tag),
            ..Entry::new(Seq::ZERO, append.message.clone())
        }
    }

    fn write_body(&mut self, message: &Message) -> BodyKey {
        let key = keys::body(self.number, self.bodies);
        let record = records::encode_body(message);
        self.bodies += 1;
        self.batch.insert(&self.tables.bodies, key, record);
        key
    }

    /// Writes the last entry of the box.
    fn write_entry(&mut self, prefix: Vec<u8>, extent: Extent, record: &Slice) {
        let key = keys::entry(&prefix, extent.top);
        self.written = true;
        self.batch.insert(&self.tables.entries, key, record.clone());
        self.extents.insert(prefix, extent);
    }

    /// Returns the extent of a box with one entry more.
    fn grown(&self, prefix: &[u8]) -> Result<Extent> {
        let extent = self.extent(prefix)?;
        Ok(Extent { top: extent.top.next(), ..extent })
    }

    fn extent(&self, prefix: &[u8]) -> Result<Extent> {
        extent_of(&self.extents, self.recent, self.tables, prefix)
    }

    /// Returns the answer to a send that was done before, and an error if that was another message.
    fn repeated(&self, key: &[u8], token: &IdempotencyKey) -> Result<Option<Seq>> {
        let Some(answer) = self.answer(key)? else { return Ok(None) };
        if token.repeats(&answer.digest) {
            return Ok(Some(answer.sequence));
        }
        let text = format!(
            "the message id {} was used before for another message; give each message its own id",
            token.message_id
        );
        Err(Error::new(ErrorKind::Conflict, text))
    }

    fn answer(&self, key: &[u8]) -> Result<Option<StoredAnswer>> {
        if let Some(answer) = self.answers.get(key) {
            return Ok(Some(*answer));
        }
        match self.tables.sends.get(key).map_err(tables::read_error)? {
            Some(record) => records::decode_answer(&record).map(Some),
            None => Ok(None),
        }
    }
}

/// Fails if an inbox, whose last entry is `top`, does not reach `sequence`.
fn check_reached(sequence: Seq, top: Seq) -> Result<()> {
    if sequence > top {
        let text = format!("{sequence} is beyond the latest entry of the inbox, which is {top}");
        return Err(Error::invalid(text).in_field("sequence"));
    }
    Ok(())
}

/// Returns where a box begins and ends, with what this batch gave out so far.
fn extent_of(planned: &Extents, recent: &Recent, tables: &Tables, prefix: &[u8]) -> Result<Extent> {
    // The order matters: what this batch gave out counts first. `recent` says the same as the
    // tables, and saves the look into them.
    match planned.get(prefix).copied().or_else(|| recent.get(prefix)) {
        Some(extent) => Ok(extent),
        None => tables.extent(&tables.snapshot(), prefix),
    }
}
