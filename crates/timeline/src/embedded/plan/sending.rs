//! What a send writes.

use fjall::Slice;

use super::boxes::BoxStep;
use super::{Plan, PreparedSend, keys, records};
use crate::conversation::Parties;
use crate::embedded::records::{Placing, StoredAnswer};
use crate::store::{Append, Appended, IdempotencyKey};
use crate::{Entry, Error, ErrorKind, MemberId, ReadCursor, Result, Seq};

impl Plan<'_> {
    /// Plans a send, or finds that it was done before. An error changes nothing.
    ///
    /// `refusal` says why nothing may be written, if so. A send that was done before writes
    /// nothing, and is answered all the same: its sender asks again only because the first answer
    /// was lost.
    pub(in crate::embedded) fn append(
        &mut self,
        send: &PreparedSend,
        refusal: Option<&Error>,
    ) -> Result<Appended> {
        let PreparedSend { append, history, .. } = send;
        let token = send.answer.as_ref().zip(append.token.as_ref());
        if let Some((key, token)) = token
            && let Some(answer) = self.repeated(history, key, token)?
        {
            return Ok(Appended::new(answer.sequence, answer.place, Vec::new()));
        }
        if let Some(refusal) = refusal {
            return Err(refusal.clone());
        }

        let history = self.draft.boxes.grow_history(self.before, history.clone(), &append.conversation)?;
        let mut inboxes = Vec::with_capacity(send.inboxes.len());
        for prefix in &send.inboxes {
            inboxes.push(self.draft.boxes.grow_inbox(self.before, prefix.clone())?);
        }
        let (place, at_ms) = (history.extent.top, self.at_ms(&history));
        let rows = self.draft.rows.of_send(self.before, send, place, at_ms)?;

        // From here on nothing fails.
        self.draft.rows.take(rows);
        if let (Some(from), Some(row)) = (&append.from, &send.sender_row)
            && !append.recipients.contains(from)
        {
            // No copy tells the sender how far they have read.
            let cursor = ReadCursor::new(from.clone(), append.conversation.clone(), place);
            self.draft.cursors.insert(row.clone(), cursor);
        }
        // The last recipient's sequence is the answer; who makes the send puts the receiver there.
        let answer = inboxes.last().map_or(Seq::ZERO, |inbox| inbox.extent.top);
        self.write_message(send, history, inboxes, at_ms);
        if let Some((key, token)) = token {
            let answer = StoredAnswer { sequence: answer, digest: token.digest, place };
            self.draft.answers.insert(key.clone(), answer);
        }
        Ok(Appended::new(answer, place, Vec::new()))
    }

    /// Writes a message into its history and the inboxes of its recipients.
    fn write_message(&mut self, send: &PreparedSend, history: BoxStep, inboxes: Vec<BoxStep>, at_ms: u64) {
        let (append, place) = (&send.append, history.extent.top);
        let body = send.record.is_shared().then(|| self.draft.texts.share(&append.message));
        let placing = Placing { at_ms, place, body };
        // The copies share one record in memory.
        let copy = self.record(send, placing, None);
        let of_history = match append.conversation.parties() {
            Parties::Pair(smaller, larger) => {
                let copies = Some((sent_to(append, &inboxes, smaller), sent_to(append, &inboxes, larger)));
                self.record(send, placing, copies)
            }
            Parties::Group(_) => {
                let tops = inboxes.iter().map(|inbox| inbox.extent.top);
                let copies: Vec<_> = append.recipients.iter().cloned().zip(tops).collect();
                let copies = Slice::from(records::encode_copies(&copies));
                self.draft.copies.insert(keys::copies(&history.prefix, place), copies);
                copy.clone()
            }
        };
        self.draft.boxes.push(history, at_ms, of_history);
        if self.draft.is_observed {
            self.tell_message(send, &inboxes, place, at_ms);
        }
        for inbox in inboxes {
            self.draft.boxes.push(inbox, at_ms, copy.clone());
        }
    }

    fn record(&mut self, send: &PreparedSend, placing: Placing, copies: Option<(Seq, Seq)>) -> Slice {
        self.draft.buffer.clear();
        send.record.put(placing, copies, &mut self.draft.buffer);
        Slice::from(self.draft.buffer.as_slice())
    }

    /// Notes the entries that recipients get, for the observer.
    fn tell_message(&mut self, send: &PreparedSend, inboxes: &[BoxStep], place: Seq, at_ms: u64) {
        let append = &send.append;
        let entry = Entry {
            from: append.from.clone(),
            to: Some(append.to.clone()),
            at_ms,
            message_id: append.token.as_ref().map(|token| token.message_id.clone()),
            place,
            tag: Some(send.tag),
            ..Entry::new(Seq::ZERO, append.message.clone())
        };
        for (member, inbox) in append.recipients.iter().zip(inboxes) {
            self.draft.news.push((member.clone(), Entry { sequence: inbox.extent.top, ..entry.clone() }));
        }
    }

    /// Returns the answer to a send that was done before, and an error if that was another message.
    fn repeated(&self, history: &[u8], key: &[u8], token: &IdempotencyKey) -> Result<Option<StoredAnswer>> {
        let Some(answer) = self.answer(key)? else { return Ok(None) };
        // The id of a message that is gone is free at once, and its answer is removed later. Of
        // answers of layouts before the third the place is not known: they count.
        if answer.place > Seq::ZERO && answer.place <= self.draft.boxes.extent(self.before, history)?.floor {
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
        match self.draft.answers.get(key) {
            Some(answer) => Ok(Some(*answer)),
            None => self.before.answer(key),
        }
    }
}

/// Returns the sequence that a member's copy gets, 0 if the member gets none.
fn sent_to(append: &Append, inboxes: &[BoxStep], member: &MemberId) -> Seq {
    let mut recipients = append.recipients.iter().zip(inboxes);
    recipients.find(|(known, _)| *known == member).map_or(Seq::ZERO, |(_, inbox)| inbox.extent.top)
}
