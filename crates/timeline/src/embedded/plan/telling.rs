//! The entries that tell what became of others: of changes, and of purges.

use fjall::Slice;

use super::boxes::BoxStep;
use super::{Plan, keys, records};
use crate::conversation::Parties;
use crate::embedded::records::{EncodedText, EntryRecord};
use crate::{Conversation, Destination, Entry, EntryKind, EntryStatus, MemberId, Message, Seq, Tag};

/// What an entry has in place of a text.
pub(super) const NO_TEXT: &str = "{}";

/// Returns an entry that tells of others; it gets its sequence in each box.
pub(super) fn telling(kind: EntryKind, target: Seq, place: Seq, at_ms: u64) -> Entry {
    let tag = Some(Tag::new(fastrand::u64(..)));
    Entry { kind, target, place, at_ms, tag, ..Entry::new(Seq::ZERO, Message::from_stored(NO_TEXT)) }
}

impl Plan<'_> {
    /// Writes an entry that tells of others into the history of its conversation and into inboxes.
    pub(super) fn tell(
        &mut self,
        conversation: &Conversation,
        entry: &Entry,
        history: BoxStep,
        inboxes: Vec<(MemberId, BoxStep)>,
    ) {
        self.draft.non_messages.push(keys::non_message(&history.prefix, entry.place));
        // The copies share one record in memory.
        let record = encode(entry);
        self.draft.boxes.push(history, entry.at_ms, record.clone());
        for (member, inbox) in inboxes {
            let (mut told, mut record) = (entry.clone(), record.clone());
            // What nobody sent would not say in the inbox of a pair which conversation it is about.
            if told.from.is_none()
                && let Some(peer) = peer_of(conversation, &member)
            {
                told.to = Some(Destination::Member(peer.clone()));
                record = encode(&told);
            }
            told.sequence = inbox.extent.top;
            self.draft.boxes.push(inbox, entry.at_ms, record);
            if self.draft.is_observed {
                self.draft.news.push((member, told));
            }
        }
    }
}

fn encode(entry: &Entry) -> Slice {
    Slice::from(records::encode(&EntryRecord {
        kind: entry.kind,
        status: EntryStatus::Original,
        at_ms: entry.at_ms,
        tag: entry.tag.unwrap_or_else(|| Tag::new(0)),
        place: entry.place,
        changed: None,
        target: Some(entry.target),
        copies: None,
        from: entry.from.as_ref(),
        to: entry.to.as_ref(),
        message_id: None,
        text: EncodedText::Here(NO_TEXT),
    }))
}

/// Returns the other member of a pair; `None` in groups.
fn peer_of<'c>(conversation: &'c Conversation, member: &MemberId) -> Option<&'c MemberId> {
    match conversation.parties() {
        Parties::Pair(smaller, larger) => Some(if smaller == member { larger } else { smaller }),
        Parties::Group(_) => None,
    }
}
