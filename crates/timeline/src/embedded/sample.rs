//! A store that tests fill record by record.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use fjall::{Keyspace, OwnedWriteBatch as WriteBatch, Readable as _};

use super::directory::Directory;
use super::opened::Opened;
use super::records::{EncodedText, EntryReader, EntryRecord, Extent, Row, StoredAnswer};
use super::tables::Tables;
use super::{Config, keys, opening, records};
use crate::{
    Conversation, Destination, Entry, EntryKind, EntryStatus, GroupName, MemberId, Message, MessageId, Seq,
    Tag,
};

/// An open store without its threads.
pub(super) struct Sample {
    pub(super) opened: Opened,
}

/// An entry to be written, as a rule a message.
pub(super) struct Put<'a> {
    pub(super) conversation: Conversation,
    pub(super) kind: EntryKind,
    pub(super) from: &'a str,
    pub(super) to: Destination,
    pub(super) recipients: Vec<MemberId>,
    pub(super) text: &'a str,
    pub(super) at_ms: u64,
    pub(super) target: u64,
    pub(super) message_id: Option<&'a str>,
}

pub(super) fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

pub(super) fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

pub(super) fn pair(one: &str, other: &str) -> Conversation {
    Conversation::single(member(one), member(other))
}

pub(super) fn group(name: &str) -> Conversation {
    Conversation::group(GroupName::new(name).unwrap())
}

/// How many files below a directory have a text.
pub(super) fn files_with(directory: &Path, text: &str) -> usize {
    let mut found = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found += files_with(&path, text);
        } else if let Ok(bytes) = fs::read(&path) {
            // A table that the engine lets go of at this moment may be gone.
            found += usize::from(bytes.windows(text.len()).any(|window| window == text.as_bytes()));
        }
    }
    found
}

impl<'a> Put<'a> {
    /// A message from one member to another, with a copy for both.
    pub(super) fn pair(from: &'a str, to: &str, text: &'a str, at_ms: u64) -> Self {
        let recipients = if from == to { vec![member(to)] } else { vec![member(from), member(to)] };
        let (conversation, to) = (pair(from, to), Destination::Member(member(to)));
        let (kind, target, message_id) = (EntryKind::Message, 0, None);
        Self { conversation, kind, from, to, recipients, text, at_ms, target, message_id }
    }

    /// A message to a group, with a copy for each of the members.
    pub(super) fn group(from: &'a str, name: &str, members: &[&str], text: &'a str, at_ms: u64) -> Self {
        let recipients = members.iter().map(|id| member(id)).collect();
        let (conversation, to) = (group(name), Destination::Group(GroupName::new(name).unwrap()));
        let (kind, target, message_id) = (EntryKind::Message, 0, None);
        Self { conversation, kind, from, to, recipients, text, at_ms, target, message_id }
    }
}

impl Sample {
    pub(super) fn open(directory: &Path) -> Self {
        let lock = Arc::new(Directory::lock(directory).unwrap());
        Self { opened: opening::open(&Config::new(directory), &lock).unwrap() }
    }

    pub(super) fn tables(&self) -> &Tables {
        &self.opened.tables
    }

    pub(super) fn next_number(&self) -> u64 {
        self.opened.last_batch + 1
    }

    pub(super) fn commit(&mut self, batch: WriteBatch) {
        assert!(self.opened.commit(batch).is_ok());
    }

    /// Commits what `fill` puts into a batch.
    pub(super) fn write(&mut self, fill: impl FnOnce(&mut WriteBatch, &Tables)) {
        let mut batch = self.opened.tables.batch(self.next_number());
        fill(&mut batch, &self.opened.tables);
        self.commit(batch);
    }

    pub(super) fn extent(&self, prefix: &[u8]) -> Extent {
        self.tables().extent(&self.tables().snapshot(), prefix).unwrap()
    }

    pub(super) fn set_extent(&mut self, prefix: &[u8], extent: Extent) {
        self.write(|batch, tables| {
            batch.insert(&tables.state, keys::extent(prefix), records::encode_extent(extent));
        });
    }

    pub(super) fn put_row(&mut self, id: &str, conversation: &Conversation, row: &Row) {
        let key = keys::row(&member(id), &keys::history(conversation));
        self.write(|batch, tables| batch.insert(&tables.state, key, records::encode_row(row)));
    }

    /// Writes an entry and its copies in one batch, and returns its place.
    ///
    /// The text of a message to a group lies in `bodies`.
    pub(super) fn put(&mut self, put: &Put<'_>) -> Seq {
        let history = keys::history(&put.conversation);
        let grown = |sample: &Self, prefix: &[u8]| {
            let extent = sample.extent(prefix);
            Extent { top: extent.top.next(), last_ms: put.at_ms, ..extent }
        };
        let history_extent = grown(self, &history);
        let place = history_extent.top;
        let copies: Vec<_> =
            put.recipients.iter().map(|member| (member.clone(), grown(self, &keys::inbox(member)))).collect();
        let is_group = matches!(put.to, Destination::Group(_));
        let body = keys::body(self.next_number(), 0);
        let from = member(put.from);
        let record = EntryRecord {
            kind: put.kind,
            status: EntryStatus::Original,
            at_ms: put.at_ms,
            tag: Tag::new(place.get()),
            place,
            changed: None,
            target: (put.target > 0).then(|| seq(put.target)),
            copies: None,
            from: Some(&from),
            to: Some(&put.to),
            message_id: put.message_id,
            text: if is_group { EncodedText::Body(body) } else { EncodedText::Here(put.text) },
        };
        // Of a pair the smaller member comes first.
        let mut sorted: Vec<_> = copies.iter().map(|(member, extent)| (member, extent.top)).collect();
        sorted.sort();
        let of_pair = sorted.first().zip(sorted.last()).map(|(smaller, larger)| (smaller.1, larger.1));
        let in_history = EntryRecord { copies: of_pair.filter(|_| !is_group), ..record };
        self.write(|batch, tables| {
            let mut insert = |prefix: &[u8], extent: Extent, record: &EntryRecord<'_>| {
                batch.insert(&tables.entries, keys::entry(prefix, extent.top), records::encode(record));
                batch.insert(&tables.state, keys::extent(prefix), records::encode_extent(extent));
            };
            insert(&history, history_extent, &in_history);
            for (member, extent) in &copies {
                insert(&keys::inbox(member), *extent, &record);
            }
            if is_group {
                let copies: Vec<_> =
                    copies.iter().map(|(member, extent)| (member.clone(), extent.top)).collect();
                batch.insert(&tables.sends, keys::copies(&history, place), records::encode_copies(&copies));
                let text = Message::from_stored(put.text);
                batch.insert(&tables.bodies, body, records::encode_body(&text));
            }
            if put.kind != EntryKind::Message {
                batch.insert(&tables.state, keys::non_message(&history, place), [records::VERSION]);
            }
            if let Some(id) = put.message_id {
                let answer = StoredAnswer { sequence: seq(1), digest: [0; 16], place };
                let key = keys::send(&history, &MessageId::new(id).unwrap());
                batch.insert(&tables.sends, key, records::encode_answer(&answer));
            }
        });
        place
    }

    /// Raises the floor of a history, and notes that what is up to it is to be erased.
    pub(super) fn take_away(&mut self, conversation: &Conversation, floor: u64) {
        let history = keys::history(conversation);
        let (extent, floor) = (self.extent(&history), seq(floor));
        let begun = self.tables().left_to_erase(&history).unwrap();
        let left = Extent { floor: begun.map_or(extent.floor, |left| left.floor), top: floor, last_ms: 0 };
        self.write(|batch, tables| {
            let extent = Extent { floor, ..extent };
            batch.insert(&tables.state, keys::extent(&history), records::encode_extent(extent));
            batch.insert(&tables.state, keys::erasure(&history), records::encode_extent(left));
        });
    }

    /// Returns all keys of a keyspace but that of the number of the batch.
    pub(super) fn keys_of(&self, keyspace: &Keyspace) -> Vec<Vec<u8>> {
        let keys = self.tables().snapshot().iter(keyspace);
        keys.map(|guard| guard.key().unwrap().to_vec()).filter(|key| key != keys::BATCH).collect()
    }

    /// Returns an entry as it is written, whatever its history says.
    pub(super) fn written(&self, prefix: &[u8], sequence: u64) -> Option<Entry> {
        let key = keys::entry(prefix, seq(sequence));
        let record = self.tables().snapshot().get(&self.tables().entries, key).unwrap()?;
        Some(EntryReader::of(prefix).entry(seq(sequence), &record).unwrap().entry)
    }
}
