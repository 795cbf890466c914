//! A change that was begun, and that any node ends.
//!
//! It is the field `change` of the message that is changed, or the field `purge` of the head of the
//! history that is purged.
//!
//! | field | type | what |
//! |---|---|---|
//! | `_id` | Binary(16) | that of the entry which tells of the change |
//! | `kind` | int32 | 1 edit, 2 recall, 4 deletion, 5 purge |
//! | `place` | int64 | the place that was reserved for that entry |
//! | `at` | int64 ms | when the change was taken |
//! | `by` | string | who made it; absent if the program did |
//! | `members` | array of strings | who is told |
//! | `seqs` | array of int64 | the sequence that was reserved in the inbox of each |

use mongodb::bson::{Document, RawDocument, doc};

use super::super::entry_id::EntryId;
use super::field::{Unreadable, fields};
use super::kind::{kind_number, kind_of};
use super::record::{check_each, names, numbers};
use super::time;
use crate::{EntryKind, MemberId, Seq};

/// A change that was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::distributed) struct PendingChange {
    /// The `_id` of the entry that tells of it.
    pub(in crate::distributed) key: EntryId,
    /// The kind of that entry.
    pub(in crate::distributed) kind: EntryKind,
    /// The place that was reserved for it.
    pub(in crate::distributed) place: Seq,
    /// When the change was taken, in milliseconds since 1970.
    pub(in crate::distributed) at_ms: u64,
    /// Who made it; none for the program itself.
    pub(in crate::distributed) by: Option<MemberId>,
    /// Who is told of it.
    pub(in crate::distributed) members: Vec<MemberId>,
    /// The sequence that was reserved in the inbox of each.
    pub(in crate::distributed) seqs: Vec<Seq>,
}

impl PendingChange {
    pub(in crate::distributed) fn to_document(&self) -> Document {
        let mut document = doc! {
            "_id": self.key.to_bson(),
            "kind": kind_number(self.kind),
            "place": self.place.to_i64(),
            "at": time(self.at_ms),
            "members": names(&self.members),
            "seqs": numbers(&self.seqs),
        };
        if let Some(by) = &self.by {
            document.insert("by", by.as_str());
        }
        document
    }

    pub(super) fn read(document: &RawDocument) -> Result<Self, Unreadable> {
        let (mut key, mut kind, mut place, mut at_ms) = (None, None, None, None);
        let (mut by, mut members, mut seqs) = (None, Vec::new(), Vec::new());
        for field in fields(document) {
            let field = field?;
            match field.name {
                "_id" => key = Some(field.key()?),
                "kind" => kind = kind_of(field.number()?),
                "place" => place = Some(field.seq()?),
                "at" => at_ms = Some(field.millis()?),
                "by" => by = Some(field.member()?),
                "members" => members = field.members()?,
                "seqs" => seqs = field.seqs()?,
                _ => {}
            }
        }
        check_each(&members, &seqs)?;
        let missing = |name| move || Unreadable::new(format!("has a change under way without `{name}`"));
        Ok(Self {
            key: key.ok_or_else(missing("_id"))?,
            kind: kind.ok_or_else(missing("kind"))?,
            place: place.ok_or_else(missing("place"))?,
            at_ms: at_ms.ok_or_else(missing("at"))?,
            by,
            members,
            seqs,
        })
    }
}
