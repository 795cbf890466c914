//! Every key of the store, only here.
//!
//! The table is in the module's documentation.

use std::ops::Range;

use crate::conversation::Parties;
use crate::{Conversation, Error, ErrorKind, GroupName, MemberId, MessageId, Result, Seq};

/// The keyspaces; layout 1 had the first three.
pub(super) const KEYSPACES: [&str; 4] = ["entries", "state", "sends", "bodies"];

/// The key of the layout's version in `state`.
pub(super) const FORMAT: &[u8] = b"v";

/// The key of the store's id and generation in `state`.
pub(super) const IDENTITY: &[u8] = b"g";

/// The key of how far an upgrade has come in `state`, while there is one.
pub(super) const UPGRADE: &[u8] = b"u";

/// The key of how far an import has come in `state`, while there is one.
pub(super) const IMPORT: &[u8] = b"i";

/// The key of when a text was erased that files may still have, in `state`.
pub(super) const ERASED: &[u8] = b"w";

/// The key of the number of the last batch, in every keyspace.
pub(super) const BATCH: &[u8] = b"n";

/// The key of what journals are filled with, in `bodies`; see `eraser.rs`.
pub(super) const FILLER: &[u8] = b"x";

/// What ends an id; no id has it.
const END: u8 = 0;

/// Returns the key of the name of a keyspace in the engine's own one.
pub(super) fn name(keyspace: u64) -> [u8; 9] {
    let mut key = [b'n'; 9];
    key[1..].copy_from_slice(&keyspace.to_be_bytes());
    key
}

/// Returns what the keys of a member's inbox begin with.
pub(super) fn inbox(member: &MemberId) -> Vec<u8> {
    join(b'i', &[member.as_str()])
}

/// Reads the member off what the keys of their inbox begin with.
pub(super) fn member_of_inbox(prefix: &[u8]) -> Result<MemberId> {
    let id = prefix.strip_prefix(b"i").and_then(|id| id.strip_suffix(&[END]));
    let id = id.and_then(|id| std::str::from_utf8(id).ok()).filter(|id| !id.is_empty());
    let corrupt = || Error::new(ErrorKind::Corrupt, "a stored key has no member");
    id.map(MemberId::from_stored).ok_or_else(corrupt)
}

/// Returns what the keys of a history begin with.
pub(super) fn history(conversation: &Conversation) -> Vec<u8> {
    match conversation.parties() {
        Parties::Pair(smaller, larger) => join(b's', &[smaller.as_str(), larger.as_str()]),
        Parties::Group(group) => join(b'g', &[group.as_str()]),
    }
}

/// Returns whether the keys that begin with `prefix` are those of a history.
pub(super) fn is_history(prefix: &[u8]) -> bool {
    matches!(prefix.first(), Some(b's' | b'g'))
}

/// Reads the conversation off what the keys of its history begin with.
pub(super) fn conversation(history_prefix: &[u8]) -> Result<Conversation> {
    let corrupt = || Error::new(ErrorKind::Corrupt, "a stored key has no conversation");
    let mut ids = history_prefix.get(1..).unwrap_or_default().split(|byte| *byte == END);
    let mut id = || ids.next().and_then(|id| std::str::from_utf8(id).ok()).filter(|id| !id.is_empty());
    let conversation = match history_prefix.first() {
        Some(b's') => {
            let (smaller, larger) = (id().ok_or_else(corrupt)?, id().ok_or_else(corrupt)?);
            Conversation::single(MemberId::from_stored(smaller), MemberId::from_stored(larger))
        }
        Some(b'g') => Conversation::group(GroupName::from_stored(id().ok_or_else(corrupt)?)),
        _ => return Err(corrupt()),
    };
    // What comes behind the last id would be lost.
    if history(&conversation) == history_prefix { Ok(conversation) } else { Err(corrupt()) }
}

/// Returns the key of an entry of the inbox or history `prefix`.
pub(super) fn entry(prefix: &[u8], sequence: Seq) -> Vec<u8> {
    let mut key = Vec::with_capacity(prefix.len() + 8);
    put_entry(&mut key, prefix, sequence.get());
    key
}

/// Makes `key` that of an entry of the inbox or history `prefix`.
pub(super) fn put_entry(key: &mut Vec<u8>, prefix: &[u8], sequence: u64) {
    key.clear();
    key.extend_from_slice(prefix);
    key.extend_from_slice(&sequence.to_be_bytes());
}

/// Returns what the key of an entry begins with; `None` if it is not the key of an entry.
pub(super) fn prefix_of(key: &[u8]) -> Option<&[u8]> {
    // The number of the batch lies in the same keyspace, under a key of one byte.
    let (prefix, _sequence) = key.split_last_chunk::<8>()?;
    (prefix.last() == Some(&END)).then_some(prefix)
}

/// Returns the key of where the inbox or history `prefix` begins and ends.
pub(super) fn extent(prefix: &[u8]) -> Vec<u8> {
    tagged(b'b', prefix)
}

/// Returns where the keys of where boxes begin and end lie, of all boxes.
pub(super) fn extents() -> Range<[u8; 1]> {
    *b"b"..*b"c"
}

/// Returns the box in the key of where it begins and ends.
pub(super) fn box_of_extent(key: &[u8]) -> &[u8] {
    key.get(1..).unwrap_or_default()
}

/// Returns the key of what is left to remove of the inbox `prefix`.
pub(super) fn removal(prefix: &[u8]) -> Vec<u8> {
    tagged(b'f', prefix)
}

/// Returns where the keys of what is left to remove lie, of all inboxes.
pub(super) fn removals() -> Range<[u8; 1]> {
    *b"f"..*b"g"
}

/// Returns the inbox in the key of what is left to remove of it.
pub(super) fn box_of_removal(key: &[u8]) -> &[u8] {
    key.get(1..).unwrap_or_default()
}

/// Returns the key of what is left to erase of a history.
pub(super) fn erasure(history_prefix: &[u8]) -> Vec<u8> {
    tagged(b'd', history_prefix)
}

/// Returns where the keys of what is left to erase lie, of all histories.
pub(super) fn erasures() -> Range<[u8; 1]> {
    *b"d"..*b"e"
}

/// Returns the history in the key of what is left to erase of it.
pub(super) fn history_of_erasure(key: &[u8]) -> &[u8] {
    key.get(1..).unwrap_or_default()
}

/// Returns the key that says that an entry of a history is no message.
pub(super) fn non_message(history_prefix: &[u8], place: Seq) -> Vec<u8> {
    entry(&tagged(b'e', history_prefix), place)
}

/// Returns the key of where the copies of a message to a group are, in `sends`.
pub(super) fn copies(history_prefix: &[u8], place: Seq) -> Vec<u8> {
    entry(&tagged(b'c', history_prefix), place)
}

/// Returns the key of a conversation as a member has it.
pub(super) fn row(member: &MemberId, history_prefix: &[u8]) -> Vec<u8> {
    let mut key = rows(member);
    key.extend_from_slice(history_prefix);
    key
}

/// Returns what the keys of a member's conversations begin with.
pub(super) fn rows(member: &MemberId) -> Vec<u8> {
    join(b'k', &[member.as_str()])
}

/// Returns the first key behind those of a member's conversations.
pub(super) fn rows_end(member: &MemberId) -> Vec<u8> {
    behind(rows(member))
}

/// Returns the history in the key of a row: what its keys begin with.
///
/// It is empty for what is not the key of a row.
pub(super) fn history_in_row(key: &[u8]) -> &[u8] {
    let row = key.strip_prefix(b"k").unwrap_or_default();
    let end = row.iter().position(|byte| *byte == END);
    end.and_then(|end| row.get(end + 1..)).unwrap_or_default()
}

/// Reads the conversation off the key of a row.
pub(super) fn history_of_row(key: &[u8]) -> Result<Conversation> {
    conversation(history_in_row(key))
}

/// Returns the key of the text `index` of a batch.
pub(super) fn body(batch: u64, index: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&batch.to_be_bytes());
    key[8..].copy_from_slice(&index.to_be_bytes());
    key
}

/// Reads the sequence off the key of an entry.
pub(super) fn sequence_of(key: &[u8]) -> Result<Seq> {
    let corrupt = || Error::new(ErrorKind::Corrupt, "a stored key has no sequence");
    let bytes = key.last_chunk::<8>().ok_or_else(corrupt)?;
    Seq::new(u64::from_be_bytes(*bytes)).map_err(|_| corrupt())
}

/// Returns the key of the answer to a send with a message id.
pub(super) fn send(history: &[u8], message_id: &MessageId) -> Vec<u8> {
    let mut key = Vec::with_capacity(history.len() + message_id.as_str().len());
    key.extend_from_slice(history);
    // Nothing ends the message id: it is the rest of the key, and what comes before it ends by
    // itself.
    key.extend_from_slice(message_id.as_str().as_bytes());
    key
}

/// Parts the key of the answer to a send: what the keys of the history begin with, and the message
/// id.
pub(super) fn split_send(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let ids = match key.first() {
        Some(b's') => 2,
        Some(b'g') => 1,
        _ => return None,
    };
    let (last, _) = key.iter().enumerate().filter(|(_, byte)| **byte == END).nth(ids - 1)?;
    key.split_at_checked(last + 1)
}

/// Returns the key of how far a member has received its inbox.
pub(super) fn received(member: &MemberId) -> Vec<u8> {
    let mut key = vec![b'r'];
    key.extend_from_slice(member.as_str().as_bytes());
    key
}

/// Returns the key of a group.
pub(super) fn group(name: &GroupName) -> Vec<u8> {
    join(b'o', &[name.as_str()])
}

/// Returns the key of what the lists of its members say of a group.
pub(super) fn group_summary(name: &GroupName) -> Vec<u8> {
    join(b't', &[name.as_str()])
}

/// Returns the key of a member's place in a group.
pub(super) fn membership(member: &MemberId, group: &GroupName) -> Vec<u8> {
    join(b'm', &[member.as_str(), group.as_str()])
}

/// Returns what the keys of a member's places in groups begin with.
pub(super) fn memberships(member: &MemberId) -> Vec<u8> {
    join(b'm', &[member.as_str()])
}

/// Returns the first key behind those of a member's places in groups.
pub(super) fn memberships_end(member: &MemberId) -> Vec<u8> {
    behind(memberships(member))
}

/// Returns the name of the group in the key of a group, its summary or a membership; `None` for any
/// other key.
pub(super) fn group_in(key: &[u8]) -> Option<&[u8]> {
    let (tag, ids) = key.split_first()?;
    let mut ids = ids.split(|byte| *byte == END);
    match tag {
        b'o' | b't' => ids.next(),
        b'm' => ids.nth(1),
        _ => None,
    }
}

/// Reads the name of the group off the key of a group, its summary or a membership.
pub(super) fn group_of(key: &[u8]) -> Result<GroupName> {
    let name = group_in(key).and_then(|name| std::str::from_utf8(name).ok()).filter(|name| !name.is_empty());
    let corrupt = || Error::new(ErrorKind::Corrupt, "a stored key has no group");
    name.map(GroupName::from_stored).ok_or_else(corrupt)
}

fn tagged(tag: u8, prefix: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + prefix.len());
    key.push(tag);
    key.extend_from_slice(prefix);
    key
}

/// Returns the first key behind those that begin with `ids`.
fn behind(mut ids: Vec<u8>) -> Vec<u8> {
    if let Some(end) = ids.last_mut() {
        // No id has a character as small as this.
        *end = END + 1;
    }
    ids
}

fn join(tag: u8, ids: &[&str]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + ids.iter().map(|id| id.len() + 1).sum::<usize>());
    key.push(tag);
    for id in ids {
        key.extend_from_slice(id.as_bytes());
        key.push(END);
    }
    key
}

#[cfg(test)]
mod tests;
