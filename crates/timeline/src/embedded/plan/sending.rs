//! What a send writes.

use fjall::Slice;

use super::boxes::BoxStep;
use super::texts::is_shared;
use super::{Plan, keys, records};
use crate::conversation::Parties;
use crate::embedded::records::{EntryRecord, StoredAnswer};
use crate::embedded::tables::read_error;
use crate::store::{Append, Appended, IdempotencyKey};
use crate::{Destination, Entry, EntryKind, EntryStatus, Error, ErrorKind, MemberId, Result, Seq, Tag};

/// Returns about how many bytes a send will write: its text, the names in each record, and those in
/// each key.
pub(in crate::embedded) fn bytes_of(append: &Append) -> usize {
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

impl Plan<'_> {
    /// Plans a send, or finds that it was done before. An error changes nothing.
    ///
    /// `refusal` says why nothing may be written, if so. A send that was done before writes
    /// nothing, and is answered all the same: its sender asks again only because the first answer
    /// was lost.
    pub(in crate::embedded) fn append(
        &mut self,
        append: &Append,
        refusal: Option<&Error>,
    ) -> Result<Appended> {
        let history = keys::history(&append.conversation);
        let send = append.token.as_ref().map(|token| (keys::send(&history, &token.message_id), token));
        if let Some((key, token)) = &send
            && let Some(answer) = self.repeated(&history, key, token)?
        {
            return Ok(Appended::new(answer.sequence, answer.place, Vec::new()));
        }
        if let Some(refusal) = refusal {
            return Err(refusal.clone());
        }

        let history = self.boxes.grow_history(history, &append.conversation)?;
        let inboxes = append.recipients.iter().map(|member| self.boxes.grow_inbox(member));
        let inboxes: Vec<_> = inboxes.collect::<Result<_>>()?;
        let (place, at_ms) = (history.extent.top, self.at_ms(&history));
        let rows = self.rows.of_send(append, &history.prefix, place, at_ms)?;

        // From here on nothing fails.
        self.rows.take(rows);
        // The last recipient's sequence is the answer; who makes the send puts the receiver there.
        let answer = inboxes.last().map_or(Seq::ZERO, |inbox| inbox.extent.top);
        self.write_message(append, history, inboxes, at_ms);
        if let Some((key, token)) = send {
            self.answers.insert(key, StoredAnswer { sequence: answer, digest: token.digest, place });
        }
        Ok(Appended::new(answer, place, Vec::new()))
    }

    /// Writes a message into its history and the inboxes of its recipients.
    fn write_message(&mut self, append: &Append, history: BoxStep, inboxes: Vec<BoxStep>, at_ms: u64) {
        // The tag is random and not counted: after an older copy of the store was put back, the
        // same sequences are given out again, and only the tags tell the entries apart.
        let (place, tag) = (history.extent.top, Tag::new(fastrand::u64(..)));
        let record = EntryRecord {
            kind: EntryKind::Message,
            status: EntryStatus::Original,
            at_ms,
            tag,
            place,
            changed: None,
            target: None,
            copies: None,
            from: append.from.as_ref(),
            to: Some(&append.to),
            message_id: append.token.as_ref().map(|token| token.message_id.as_str()),
            text: self.texts.add(&append.message, append.recipients.len()),
        };
        // The copies share one record in memory.
        let copy = Slice::from(records::encode(&record));
        let of_history = match append.conversation.parties() {
            Parties::Pair(smaller, larger) => {
                let copies = Some((sent_to(append, &inboxes, smaller), sent_to(append, &inboxes, larger)));
                Slice::from(records::encode(&EntryRecord { copies, ..record }))
            }
            Parties::Group(_) => {
                let tops = inboxes.iter().map(|inbox| inbox.extent.top);
                let copies: Vec<_> = append.recipients.iter().cloned().zip(tops).collect();
                let copies = Slice::from(records::encode_copies(&copies));
                self.copies.insert(keys::copies(&history.prefix, place), copies);
                copy.clone()
            }
        };
        self.boxes.push(history, at_ms, of_history);
        let entry = Entry {
            from: append.from.clone(),
            to: Some(append.to.clone()),
            at_ms,
            message_id: append.token.as_ref().map(|token| token.message_id.clone()),
            place,
            tag: Some(tag),
            ..Entry::new(Seq::ZERO, append.message.clone())
        };
        for (member, inbox) in append.recipients.iter().zip(inboxes) {
            self.news.push((member.clone(), Entry { sequence: inbox.extent.top, ..entry.clone() }));
            self.boxes.push(inbox, at_ms, copy.clone());
        }
    }

    /// Returns the answer to a send that was done before, and an error if that was another message.
    fn repeated(&self, history: &[u8], key: &[u8], token: &IdempotencyKey) -> Result<Option<StoredAnswer>> {
        let Some(answer) = self.answer(key)? else { return Ok(None) };
        // The id of a message that is gone is free at once, and its answer is removed later. Of
        // answers of layouts before the third the place is not known: they count.
        if answer.place > Seq::ZERO && answer.place <= self.boxes.extent(history)?.floor {
            return Ok(None);
        }
        if token.repeats(&answer.digest) {
            return Ok(Some(answer));
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
        match self.tables.sends.get(key).map_err(read_error)? {
            Some(record) => records::decode_answer(&record).map(Some),
            None => Ok(None),
        }
    }
}

/// Returns the sequence that a member's copy gets, 0 if the member gets none.
fn sent_to(append: &Append, inboxes: &[BoxStep], member: &MemberId) -> Seq {
    let mut recipients = append.recipients.iter().zip(inboxes);
    recipients.find(|(known, _)| *known == member).map_or(Seq::ZERO, |(_, inbox)| inbox.extent.top)
}
