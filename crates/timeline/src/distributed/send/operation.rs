//! One entry of a history and its copies, from the first attempt to the end.

use std::collections::HashMap;

use mongodb::bson::{Bson, RawDocumentBuf, doc};
use mongodb::options::Hint;

use crate::distributed::box_id::{BoxId, Side};
use crate::distributed::documents::{EntryDoc, Record};
use crate::distributed::entry_id::EntryId;
use crate::distributed::rows::RowEntry;
use crate::distributed::shared::Shared;
use crate::distributed::tops;
use crate::store::{Append, Appended, IdempotencyKey};
use crate::{Conversation, Destination, Entry, EntryKind, Error, ErrorKind, MemberId, Result, Seq};

/// One entry of a history and its copies, whoever writes them.
#[derive(Debug, Clone)]
pub(in crate::distributed) struct Operation {
    pub(in crate::distributed) conversation: Conversation,
    pub(in crate::distributed) history: BoxId,
    /// The entry of the history, with the record of its copies.
    pub(in crate::distributed) entry: EntryDoc,
}

impl Operation {
    /// Returns what a send writes that has its places.
    pub(super) fn of_send(append: Append, history: BoxId, key: EntryId, places: Places) -> Self {
        let Append { conversation, from, to, recipients, message, token } = append;
        let digests = token.as_ref().map(|token| (token.digest, token.digest_without_sender));
        let record = Record { digests, members: recipients, seqs: places.copies };
        let entry = Entry {
            from,
            to: Some(to),
            at_ms: places.at_ms,
            message_id: token.filter(|token| !token.is_made).map(|token| token.message_id),
            ..Entry::new(places.place, message)
        };
        let entry = EntryDoc::of_history(&history, key, places.place, entry, record);
        Self { conversation, history, entry }
    }

    /// Returns what an entry of a history began.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt) for an entry of which nobody knows the conversation.
    pub(in crate::distributed) fn stored(entry: EntryDoc) -> Result<Self> {
        let history = BoxId::stored(Side::History, &entry.boxed);
        let Some(conversation) = history.to_conversation() else {
            let text = format!("the entry {} of the history {history} belongs to no conversation", entry.seq);
            return Err(Error::new(ErrorKind::Corrupt, text));
        };
        Ok(Self { conversation, history, entry })
    }

    /// Returns what makes a repetition of the send harmless, if its sender gave an id.
    pub(super) fn token(&self) -> Option<IdempotencyKey> {
        let message_id = self.entry.entry.message_id.clone()?;
        let (digest, digest_without_sender) = self.entry.record.as_ref()?.digests?;
        Some(IdempotencyKey { digest_without_sender, ..IdempotencyKey::new(message_id, digest) })
    }

    /// Returns who gets copies, with the sequence that was reserved for each.
    pub(super) fn copies(&self) -> impl Iterator<Item = (&MemberId, Seq)> {
        let record = self.entry.record.iter();
        record.flat_map(|record| record.members.iter().zip(record.seqs.iter().copied()))
    }

    /// Returns the sequences that were reserved for the copies.
    pub(super) fn reserved(&self) -> Vec<(MemberId, Seq)> {
        self.copies().map(|(member, seq)| (member.clone(), seq)).collect()
    }

    /// Returns what closes the place of the entry, if it was given out in vain.
    pub(super) fn hole(&self) -> EntryDoc {
        // Times never fall in a history, so a hole has the time of what was to be there.
        EntryDoc::hole(&self.history, self.entry.seq, self.entry.entry.at_ms)
    }

    /// Returns what closes a place in the inbox of a member.
    pub(super) fn hole_of_copy(&self, member: &MemberId, seq: Seq) -> EntryDoc {
        EntryDoc::hole(&BoxId::inbox(member), seq, self.entry.entry.at_ms)
    }

    /// Gives the operation other places, of which nothing was written yet.
    pub(super) fn move_to(&mut self, places: Places) {
        let Places { place, at_ms, copies } = places;
        self.move_entry(place, at_ms);
        if let Some(record) = &mut self.entry.record {
            record.seqs = copies;
        }
    }

    /// Gives the entry of the history another place, before it is there.
    pub(super) fn move_entry(&mut self, place: Seq, at_ms: u64) {
        self.entry = self.entry.clone().moved_to(place);
        // Copies have the time in their `_id`s; none was written yet.
        (self.entry.entry.at_ms, self.entry.keyed_ms) = (at_ms, None);
    }

    /// Returns the answer to the send.
    ///
    /// `sequences` says where each copy is; `None` stands for one that failed.
    pub(super) fn answer(&self, sequences: &[Option<Seq>]) -> Appended {
        let failed = self.copies().zip(sequences).filter(|(_, sequence)| sequence.is_none());
        let failed = failed.map(|((member, _), _)| member.clone()).collect();
        let last = sequences.last().copied().flatten().unwrap_or_default();
        Appended::new(last, self.entry.seq, failed)
    }

    /// Returns the rows of who is in the conversation by this send.
    ///
    /// What is no message has none.
    pub(super) fn rows(&self) -> Vec<RowEntry> {
        let entry = &self.entry.entry;
        // A message that was taken back meanwhile was sent all the same.
        if !matches!(entry.kind, EntryKind::Message | EntryKind::Tombstone) || self.entry.is_hole {
            return Vec::new();
        }
        let joined = Seq::new(self.entry.seq.get().saturating_sub(1)).unwrap_or_default();
        let row = |member: &MemberId, is_in: bool| RowEntry {
            member: member.clone(),
            conversation: self.conversation.clone(),
            joined,
            since_ms: entry.at_ms,
            read: (entry.from.as_ref() == Some(member)).then_some(self.entry.seq),
            is_in,
        };
        let mut rows: Vec<_> = self.copies().map(|(member, _)| row(member, true)).collect();
        if let Some(from) = &entry.from
            && !self.copies().any(|(member, _)| member == from)
        {
            // Who only sends to a group is noted as one who has left it.
            rows.push(row(from, matches!(entry.to, Some(Destination::Member(_)))));
        }
        rows
    }
}

/// Where an operation writes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) place: Seq,
    pub(super) at_ms: u64,
    pub(super) copies: Vec<Seq>,
}

/// Reads entries of histories by their boxes and `_id`s.
///
/// Those that are not there are left out.
pub(in crate::distributed) async fn find_entries<'a>(
    shared: &Shared,
    wanted: impl IntoIterator<Item = (&'a BoxId, EntryId)>,
) -> Result<Vec<EntryDoc>> {
    let (mut boxes, mut keys) = (Vec::<&str>::new(), Vec::<Bson>::new());
    for (boxed, key) in wanted {
        boxes.push(boxed.as_str());
        keys.push(key.to_bson());
    }
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    boxes.sort_unstable();
    boxes.dedup();
    let filter = doc! { "id": { "$in": boxes }, "_id": { "$in": keys } };
    let read = shared.database.call(move |collections| async move {
        let by_key = Hint::Keys(doc! { "_id": 1 });
        let mut cursor = collections.histories.find(filter).hint(by_key).await?;
        let mut found: Vec<RawDocumentBuf> = Vec::new();
        while cursor.advance().await? {
            found.push(cursor.current().to_owned());
        }
        Ok(found)
    });
    read.await?.iter().map(|document| EntryDoc::read(document, Side::History)).collect()
}

/// Returns the floors of the histories that have these entries, by their ids.
///
/// What lies at or below the floor is gone, and its document may still be there.
pub(in crate::distributed) async fn floors_of(
    shared: &Shared,
    entries: &[EntryDoc],
) -> Result<HashMap<String, Seq>> {
    let mut boxes: Vec<_> = entries.iter().map(|entry| entry.boxed.as_str()).collect();
    if boxes.is_empty() {
        return Ok(HashMap::new());
    }
    boxes.sort_unstable();
    boxes.dedup();
    let tops = tops::read(&shared.database, Side::History, &boxes).await?;
    Ok(tops.into_iter().map(|(boxed, top)| (boxed, top.floor)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GroupName, Message, MessageId};

    fn member(id: &str) -> MemberId {
        MemberId::new(id).unwrap()
    }

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    fn of_group(from: &str) -> Operation {
        let name = GroupName::new("g").unwrap();
        let conversation = Conversation::group(name.clone());
        let history = BoxId::history(&conversation);
        let key = IdempotencyKey::new(MessageId::new("id").unwrap(), [7; 16]);
        let append = Append {
            conversation,
            from: Some(member(from)),
            to: Destination::Group(name),
            recipients: vec![member("a"), member("b")],
            message: Message::from_stored("{}"),
            token: Some(key),
        };
        let places = Places { place: seq(4), at_ms: 40, copies: vec![seq(1), seq(2)] };
        let id = EntryId::of_message(&history, &MessageId::new("id").unwrap(), 0);
        Operation::of_send(append, history, id, places)
    }

    #[test]
    fn a_send_is_found_again_in_its_entry() {
        let operation = of_group("a");
        assert_eq!(operation.token(), Some(IdempotencyKey::new(MessageId::new("id").unwrap(), [7; 16])));
        assert_eq!(operation.reserved(), [(member("a"), seq(1)), (member("b"), seq(2))]);
        let stored = Operation::stored(operation.entry.clone()).unwrap();
        assert_eq!((stored.conversation, stored.history), (operation.conversation, operation.history));
    }

    #[test]
    fn members_have_rows_and_the_cursor_of_the_sender_rises() {
        let rows = |from: &str| -> Vec<_> {
            let rows = of_group(from).rows().into_iter();
            rows.map(|row| (row.member.as_str().to_owned(), row.joined, row.read, row.is_in)).collect()
        };
        let row = |id: &str, read, is_in| (id.to_owned(), seq(3), read, is_in);
        assert_eq!(rows("a"), [row("a", Some(seq(4)), true), row("b", None, true)]);
        let outside = [row("a", None, true), row("b", None, true), row("c", Some(seq(4)), false)];
        assert_eq!(rows("c"), outside, "who only sends to a group is not in it");
        let told = |kind| {
            let mut operation = of_group("a");
            operation.entry.entry.kind = kind;
            operation.rows().len()
        };
        assert_eq!([told(EntryKind::Edit), told(EntryKind::Purge), told(EntryKind::Tombstone)], [0, 0, 2]);
    }

    #[test]
    fn an_operation_moves_with_its_time_and_keeps_its_id() {
        let (mut operation, before) = (of_group("a"), of_group("a"));
        operation.move_to(Places { place: seq(9), at_ms: 90, copies: vec![seq(5), seq(6)] });
        let entry = &operation.entry.entry;
        assert_eq!((entry.sequence, entry.place, entry.at_ms), (seq(9), seq(9), 90));
        assert_eq!((operation.entry.key, entry.tag), (before.entry.key, before.entry.entry.tag));
        assert_eq!(operation.reserved(), [(member("a"), seq(5)), (member("b"), seq(6))]);
        assert_eq!((operation.hole().seq, operation.hole().entry.at_ms), (seq(9), 90));
    }
}
