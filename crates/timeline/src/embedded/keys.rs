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

/// The key of the number of the last batch, in every keyspace.
pub(super) const BATCH: &[u8] = b"n";

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

/// Returns what the keys of a history begin with.
pub(super) fn history(conversation: &Conversation) -> Vec<u8> {
    match conversation.parties() {
        Parties::Pair(smaller, larger) => join(b's', &[smaller.as_str(), larger.as_str()]),
        Parties::Group(group) => join(b'g', &[group.as_str()]),
    }
}

/// Returns the key of an entry of the inbox or history `prefix`.
pub(super) fn entry(prefix: &[u8], sequence: Seq) -> Vec<u8> {
    let mut key = Vec::with_capacity(prefix.len() + 8);
    key.extend_from_slice(prefix);
    key.extend_from_slice(&sequence.get().to_be_bytes());
    key
}

/// Returns what the key of an entry begins with; `None` if it is not the key of an entry.
pub(super) fn prefix_of(key: &[u8]) -> Option<&[u8]> {
    // The number of the batch lies in the same keyspace, under a key of one byte.
    let (prefix, _sequence) = key.split_last_chunk::<8>()?;
    (prefix.last() == Some(&END)).then_some(prefix)
}

/// Returns the key of where the inbox or history `prefix` begins and ends.
pub(super) fn extent(prefix: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + prefix.len());
    key.push(b'b');
    key.extend_from_slice(prefix);
    key
}

/// Returns the key of what is left to remove of the inbox `prefix`.
pub(super) fn removal(prefix: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + prefix.len());
    key.push(b'f');
    key.extend_from_slice(prefix);
    key
}

/// Returns where the keys of what is left to remove lie, of all inboxes.
pub(super) fn removals() -> Range<[u8; 1]> {
    *b"f"..*b"g"
}

/// Returns the inbox in the key of what is left to remove of it.
pub(super) fn box_of_removal(key: &[u8]) -> &[u8] {
    key.get(1..).unwrap_or_default()
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
    let mut key = memberships(member);
    if let Some(end) = key.last_mut() {
        // No id has a character as small as this.
        *end = END + 1;
    }
    key
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
mod tests {
    use super::*;

    fn member(id: &str) -> MemberId {
        MemberId::new(id).unwrap()
    }

    #[test]
    fn no_two_boxes_have_keys_that_begin_alike() {
        let pair = |one, other| history(&Conversation::single(member(one), member(other)));
        let group = |name| history(&Conversation::group(GroupName::new(name).unwrap()));
        let keys = [
            pair("group", "x"),
            group("x"),
            pair("a", "b:c"),
            pair("a:b", "c"),
            pair("a", "bc"),
            pair("ab", "c"),
            pair("a", "a"),
            group("seq:a:b"),
            inbox(&member("seq:a:b")),
            inbox(&member("x")),
            inbox(&member("xy")),
        ];
        for (index, key) in keys.iter().enumerate() {
            for (other_index, other) in keys.iter().enumerate() {
                assert!(index == other_index || !other.starts_with(key), "{key:?} begins {other:?}");
            }
        }
        assert_eq!(pair("a", "b"), pair("b", "a"));
    }

    #[test]
    fn no_two_keys_of_groups_begin_alike() {
        let name = |name: &str| GroupName::new(name).unwrap();
        let keys = [
            group(&name("x")),
            group(&name("xy")),
            group_summary(&name("x")),
            membership(&member("a"), &name("x")),
            membership(&member("a"), &name("xy")),
            membership(&member("ax"), &name("y")),
            membership(&member("a:x"), &name("y")),
            extent(&inbox(&member("x"))),
            removal(&inbox(&member("x"))),
            removal(&inbox(&member("xy"))),
            received(&member("x")),
        ];
        for (index, key) in keys.iter().enumerate() {
            for (other_index, other) in keys.iter().enumerate() {
                assert!(index == other_index || !other.starts_with(key), "{key:?} begins {other:?}");
            }
        }
        for key in [group(&name("x")), group_summary(&name("x")), membership(&member("a"), &name("x"))] {
            assert_eq!(group_of(&key).unwrap(), name("x"));
        }
        for other in [&b"n"[..], b"", b"o", b"m", b"ma\0", b"ra", &extent(&inbox(&member("x")))[..]] {
            assert_eq!(group_of(other).unwrap_err().kind(), ErrorKind::Corrupt, "{other:?}");
        }
    }

    #[test]
    fn groups_of_a_member_sort_by_name_between_their_bounds() {
        let (first, end) = (memberships(&member("a")), memberships_end(&member("a")));
        let names = ["!", "a", "ab", "b", "\u{10ffff}"];
        let keys: Vec<_> =
            names.iter().map(|name| membership(&member("a"), &GroupName::new(*name).unwrap())).collect();
        assert!(keys.is_sorted() && first < keys[0] && keys[4] < end);
        let other = membership(&member("a!"), &GroupName::new("a").unwrap());
        assert!(other > end, "another member's");
    }

    #[test]
    fn only_what_is_left_to_remove_lies_between_its_bounds() {
        let (x, bounds) = (inbox(&member("x")), removals());
        let lies = |key: &[u8]| bounds.start.as_slice() < key && key < bounds.end.as_slice();
        let key = removal(&x);
        assert!(lies(&key) && box_of_removal(&key) == x);
        let name = GroupName::new("x").unwrap();
        for other in [
            extent(&x),
            received(&member("x")),
            group(&name),
            group_summary(&name),
            membership(&member("x"), &name),
        ] {
            assert!(!lies(&other), "{other:?}");
        }
        assert!([FORMAT, IDENTITY, UPGRADE, BATCH].iter().all(|other| !lies(other)));
    }

    #[test]
    fn entries_sort_by_sequence() {
        let prefix = inbox(&member("a"));
        let key = |number| entry(&prefix, Seq::new(number).unwrap());
        assert!(key(255) < key(256));
        assert!(key(1) < key(u64::from(u32::MAX) + 1));
    }
}
