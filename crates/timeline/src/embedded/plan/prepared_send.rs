//! A send with all that needs no look at the store.

use fjall::Slice;

use super::texts::is_shared;
use crate::conversation::Parties;
use crate::embedded::keys;
use crate::embedded::records::{EncodedText, EntryRecord, UnplacedRecord};
use crate::store::Append;
use crate::{Destination, EntryKind, EntryStatus, MemberId, MessageId, Seq, Tag};

/// A send with its keys and its record.
///
/// Its caller prepares it, and lets go of it: there are many callers, and one thread that commits.
#[derive(Debug)]
pub(in crate::embedded) struct PreparedSend {
    pub(super) append: Append,
    /// What the keys of its history begin with.
    pub(super) history: Slice,
    /// What the keys of the inboxes of its recipients begin with, in their order.
    pub(super) inboxes: Vec<Slice>,
    /// The key of the row of its sender.
    pub(super) sender_row: Option<Slice>,
    /// The keys of the rows of the others, in a pair. Those of a group are looked up as a rule only
    /// when its members have changed.
    pub(super) pair_rows: Vec<Slice>,
    /// The key of the answer, if it has a message id.
    pub(super) answer: Option<Slice>,
    pub(super) tag: Tag,
    pub(super) record: UnplacedRecord,
    bytes: usize,
}

impl PreparedSend {
    /// Prepares a send.
    pub(in crate::embedded) fn new(append: Append) -> Self {
        // The tag is random and not counted: after an older copy of the store was put back, the
        // same sequences are given out again, and only the tags tell the entries apart.
        let (history, tag) = (keys::history(&append.conversation), Tag::new(fastrand::u64(..)));
        let record = EntryRecord {
            kind: EntryKind::Message,
            status: EntryStatus::Original,
            at_ms: 0,
            tag,
            place: Seq::ZERO,
            changed: None,
            target: None,
            copies: None,
            from: append.from.as_ref(),
            to: Some(&append.to),
            message_id: append.token.as_ref().map(|token| token.message_id.as_str()),
            text: EncodedText::Here(append.message.as_str()),
        };
        let record = UnplacedRecord::new(&record, is_shared(append.recipients.len(), &append.message));
        let key = |id: &MessageId| Slice::from(keys::send(&history, id));
        let answer = append.token.as_ref().map(|token| key(&token.message_id));
        let inboxes = append.recipients.iter().map(|member| keys::inbox(member).into()).collect();
        let row = |member: &MemberId| Slice::from(keys::row(member, &history));
        let sender_row = append.from.as_ref().map(row);
        let pair_rows = match append.conversation.parties() {
            Parties::Pair(..) => others(&append).map(row).collect(),
            Parties::Group(_) => Vec::new(),
        };
        let bytes = bytes_of(&append);
        let history = history.into();
        Self { append, history, inboxes, sender_row, pair_rows, answer, tag, record, bytes }
    }

    /// Returns about how many bytes it will write.
    pub(in crate::embedded) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the recipients who have not sent it.
    pub(super) fn receivers(&self) -> impl Iterator<Item = &MemberId> {
        others(&self.append)
    }
}

/// Returns the recipients of a send who have not sent it.
fn others(append: &Append) -> impl Iterator<Item = &MemberId> {
    append.recipients.iter().filter(|member| append.from.as_ref() != Some(*member))
}

/// Returns about how many bytes a send will write: its text, the names in each record, and those in
/// each key.
fn bytes_of(append: &Append) -> usize {
    let from = append.from.as_ref().map_or(0, |member| member.as_str().len());
    let to = match &append.to {
        Destination::Member(member) => member.as_str().len(),
        Destination::Group(group) => group.as_str().len(),
    };
    let message_id = append.token.as_ref().map_or(0, |token| token.message_id.as_str().len());
    let (text, recipients) = (append.message.as_str().len(), append.recipients.len());
    let record = RECORD_BYTES + from + to + message_id;
    let records = record * (recipients + 1);
    let texts = if is_shared(recipients, &append.message) { text } else { text * (recipients + 1) };
    // A box has its name in the key of the entry and in that of its record; a row and a list of
    // copies have that of the member once more.
    let keys =
        append.recipients.iter().map(|member| 4 * member.as_str().len()).sum::<usize>() + 3 * (from + to);
    texts + records + keys
}

/// About as many bytes as an entry has beside its text and its names, with its key, the record of
/// its box and the row of its member.
const RECORD_BYTES: usize = 150;
