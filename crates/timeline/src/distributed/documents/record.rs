//! What an entry of a history records of its copies.
//!
//! | field | type | what |
//! |---|---|---|
//! | `digest` | Binary(16) | of the key that makes a repetition harmless |
//! | `digest2` | Binary(16) | the one that it has without its sender |
//! | `members` | array of strings | who gets a copy |
//! | `seqs` | array of int64 | the sequence that was reserved in the inbox of each |

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, Document};

use super::field::Unreadable;
use crate::store::IdempotencyKey;
use crate::{MemberId, Seq};

/// Who gets a copy of an entry, and what tells a repetition of its send.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::distributed) struct Record {
    /// The digest of the send, and the one that it has without its sender.
    pub(in crate::distributed) digests: Option<([u8; 16], Option<[u8; 16]>)>,
    /// Whose inboxes get a copy.
    pub(in crate::distributed) members: Vec<MemberId>,
    /// The sequence that was reserved for the copy of each member.
    ///
    /// A copy may have got another one since.
    pub(in crate::distributed) seqs: Vec<Seq>,
}

impl Record {
    /// Returns whether a send with this key repeats the one that was recorded.
    pub(in crate::distributed) fn is_repeated_by(&self, key: &IdempotencyKey) -> bool {
        self.digests.as_ref().is_some_and(|(digest, _)| key.repeats(digest))
    }

    pub(super) fn write(&self, to: &mut Document) {
        if let Some((digest, without_sender)) = &self.digests {
            to.insert("digest", bytes(digest));
            if let Some(without_sender) = without_sender {
                to.insert("digest2", bytes(without_sender));
            }
        }
        to.insert("members", names(&self.members));
        to.insert("seqs", numbers(&self.seqs));
    }

    /// Returns the record if each member has a sequence.
    pub(super) fn check(self) -> Result<Self, Unreadable> {
        check_each(&self.members, &self.seqs).map(|()| self)
    }
}

/// Checks that each member has a sequence.
pub(super) fn check_each(members: &[MemberId], seqs: &[Seq]) -> Result<(), Unreadable> {
    let (members, seqs) = (members.len(), seqs.len());
    if members == seqs {
        return Ok(());
    }
    Err(Unreadable::new(format!("has {members} values in the field `members`, but {seqs} in `seqs`")))
}

/// Returns members as they are written.
pub(super) fn names(members: &[MemberId]) -> Bson {
    members.iter().map(MemberId::as_str).collect()
}

/// Returns sequences as they are written.
pub(super) fn numbers(seqs: &[Seq]) -> Bson {
    seqs.iter().map(|seq| seq.to_i64()).collect()
}

fn bytes(digest: &[u8; 16]) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: digest.to_vec() }
}
