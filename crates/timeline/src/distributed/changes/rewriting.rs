//! What a change makes of a message.
//!
//! This module is pure.

use mongodb::bson::{Bson, Document, doc};

use crate::distributed::documents::{NOTHING, kind_number, status_number, time};
use crate::{Change, Entry, EntryKind, EntryStatus, Error, ErrorKind, Message, MessageChange, Result};

/// Checks that a message may be changed like this.
pub(super) fn check(target: &Entry, change: &MessageChange) -> Result<()> {
    let place = change.place;
    if change.by.is_some() && change.by != target.from {
        let text = format!("the message at {place} was sent by somebody else, who alone may change it");
        return Err(Error::new(ErrorKind::Forbidden, text));
    }
    if matches!(change.change, Change::Edit(_)) && target.kind == EntryKind::Tombstone {
        let text = format!("the message at {place} was taken back or deleted, and has no text any more");
        return Err(Error::new(ErrorKind::Conflict, text));
    }
    Ok(())
}

/// Returns whether a change would leave the message as it is.
pub(super) fn is_done(target: &Entry, change: &Change) -> bool {
    let is_gone = target.kind == EntryKind::Tombstone;
    match change {
        Change::Edit(message) => target.message == *message,
        Change::Recall => is_gone,
        Change::Delete => is_gone && target.status != EntryStatus::Recalled,
    }
}

/// Returns what a change makes of a message.
pub(super) fn changed(entry: &Entry, change: &Change, changed_at_ms: u64) -> Entry {
    let entry = match change {
        Change::Edit(message) => {
            Entry { message: message.clone(), status: EntryStatus::Edited, ..entry.clone() }
        }
        Change::Recall => tombstone(entry, EntryStatus::Recalled),
        Change::Delete => tombstone(entry, EntryStatus::Deleted),
    };
    Entry { changed_at_ms, ..entry }
}

/// Returns what a copy is whose message is gone from its history.
pub(super) fn expired(of: &Entry) -> Entry {
    Entry { changed_at_ms: 0, ..tombstone(of, EntryStatus::Expired) }
}

/// Returns the kind of the entry that tells of a change.
pub(super) fn kind_of(change: &Change) -> EntryKind {
    match change {
        Change::Edit(_) => EntryKind::Edit,
        Change::Recall => EntryKind::Recall,
        Change::Delete => EntryKind::Deletion,
    }
}

/// Returns the message of an entry that has none.
pub(super) fn nothing() -> Message {
    Message::from_stored(NOTHING)
}

fn tombstone(of: &Entry, status: EntryStatus) -> Entry {
    Entry { kind: EntryKind::Tombstone, status, message: nothing(), ..of.clone() }
}

/// What an update sets and what it removes, so that a message or a copy becomes what an entry says.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Rewriting {
    pub(super) set: Document,
    unset: Document,
}

impl Rewriting {
    pub(super) fn to(entry: &Entry) -> Self {
        let mut rewriting = Self::default();
        let message = (entry.message.as_str() != NOTHING).then(|| Bson::from(entry.message.as_str()));
        let kind = (entry.kind != EntryKind::Message).then(|| Bson::from(kind_number(entry.kind)));
        let status = (entry.status != EntryStatus::Original).then(|| Bson::from(status_number(entry.status)));
        let changed = (entry.changed_at_ms > 0).then(|| Bson::from(time(entry.changed_at_ms)));
        for (name, value) in [("message", message), ("kind", kind), ("status", status), ("changed", changed)]
        {
            match value {
                Some(value) => drop(rewriting.set.insert(name, value)),
                None => drop(rewriting.unset.insert(name, "")),
            }
        }
        rewriting
    }

    /// Returns the update.
    pub(super) fn update(self) -> Document {
        let mut update = doc! { "$set": self.set };
        if !self.unset.is_empty() {
            update.insert("$unset", self.unset);
        }
        update
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Conversation, MemberId, Seq};

    fn message(number: u64) -> Message {
        Message::from_stored(format!("{{\"n\":{number}}}"))
    }

    fn member(id: &str) -> MemberId {
        MemberId::new(id).unwrap()
    }

    fn sent() -> Entry {
        Entry { from: Some(member("a")), at_ms: 5, ..Entry::new(Seq::ZERO.next(), message(1)) }
    }

    fn change(by: Option<&str>, change: Change) -> MessageChange {
        let conversation = Conversation::single(member("a"), member("b"));
        MessageChange::new(conversation, Seq::ZERO.next(), by.map(member), change)
    }

    #[test]
    fn the_sender_and_the_program_change_a_message_and_nobody_edits_what_is_gone() {
        let gone = changed(&sent(), &Change::Recall, 9);
        for by in [Some("a"), None] {
            assert!(check(&sent(), &change(by, Change::Edit(message(2)))).is_ok());
            assert!(check(&gone, &change(by, Change::Delete)).is_ok());
            let refused = check(&gone, &change(by, Change::Edit(message(2)))).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Conflict);
        }
        let refused = check(&gone, &change(Some("b"), Change::Edit(message(2)))).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Forbidden);
        let nobodys = Entry { from: None, ..sent() };
        assert_eq!(
            check(&nobodys, &change(Some("a"), Change::Recall)).unwrap_err().kind(),
            ErrorKind::Forbidden
        );
    }

    #[test]
    fn a_change_that_changes_nothing_is_done() {
        let edited = changed(&sent(), &Change::Edit(message(2)), 9);
        assert!(is_done(&sent(), &Change::Edit(message(1))) && is_done(&edited, &Change::Edit(message(2))));
        assert!(!is_done(&edited, &Change::Edit(message(1))) && !is_done(&edited, &Change::Recall));
        let (recalled, deleted) =
            (changed(&sent(), &Change::Recall, 9), changed(&sent(), &Change::Delete, 9));
        assert!(is_done(&recalled, &Change::Recall) && !is_done(&recalled, &Change::Delete));
        assert!(is_done(&deleted, &Change::Recall) && is_done(&deleted, &Change::Delete));
    }

    #[test]
    fn an_update_makes_of_a_document_what_the_entry_says() {
        let edited = changed(&sent(), &Change::Edit(message(2)), 9);
        let update = Rewriting::to(&edited).update();
        let set = doc! { "message": "{\"n\":2}", "status": 1, "changed": 9_i64 };
        assert_eq!(update, doc! { "$set": set, "$unset": { "kind": "" } });
        let update = Rewriting::to(&changed(&edited, &Change::Delete, 11)).update();
        assert_eq!(
            update,
            doc! { "$set": { "kind": 3, "status": 3, "changed": 11_i64 }, "$unset": { "message": "" } }
        );
        let update = Rewriting::to(&expired(&edited)).update();
        assert_eq!(
            update,
            doc! { "$set": { "kind": 3, "status": 4 }, "$unset": { "message": "", "changed": "" } }
        );
    }
}
