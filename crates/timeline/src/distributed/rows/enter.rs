//! Who is in a conversation because of a send.

use std::collections::HashMap;

use mongodb::bson::{Bson, Document, doc};
use tokio::time::Instant;

use super::super::box_id::BoxId;
use super::super::call_end;
use super::super::documents::{RowDoc, time};
use super::super::entry_id::EntryId;
use super::super::shared::Shared;
use super::cache::{Departures, KnownRow};
use super::updates::update;
use crate::{Conversation, MemberId, ReadCursor, Result, Seq};

/// What a send makes of the row of one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::distributed) struct RowEntry {
    pub(in crate::distributed) member: MemberId,
    pub(in crate::distributed) conversation: Conversation,
    /// What was there before the send, which is not unread to a member who is new or back.
    pub(in crate::distributed) joined: Seq,
    /// When a member who is new or back came, in milliseconds since 1970.
    pub(in crate::distributed) since_ms: u64,
    /// The place of the send, for its sender.
    pub(in crate::distributed) read: Option<Seq>,
    /// Whether the member is in the conversation from now on.
    ///
    /// One who only sends to a group is noted as one who has left it, if not noted before.
    pub(in crate::distributed) is_in: bool,
}

impl RowEntry {
    /// Returns how far a member has read who gets no copy of what they send.
    ///
    /// A copy tells that its sender has read up to it.
    pub(in crate::distributed) fn silent_cursor(&self) -> Option<(EntryId, ReadCursor)> {
        let read = self.read.filter(|_| !self.is_in)?;
        let row = EntryId::of_row(&self.member, &BoxId::history(&self.conversation));
        Some((row, ReadCursor::new(self.member.clone(), self.conversation.clone(), read)))
    }
}

/// The rows that sends have to write.
#[derive(Debug)]
pub(in crate::distributed) struct DueRows {
    rows: Vec<(EntryId, RowEntry)>,
    /// Whether one of them may be of a member who is not in the conversation yet.
    bring_in: bool,
    before: Departures,
}

/// Returns which rows of sends are to be written.
///
/// Rows that this node knows are not written again, unless a cursor is to rise, or the send was
/// before all that is known of the row.
pub(in crate::distributed) fn due(shared: &Shared, entries: Vec<RowEntry>) -> DueRows {
    let before = shared.rows.departures();
    let now = Instant::now();
    let covers = |(row, entry): &(EntryId, RowEntry), read| shared.rows.covers(row, entry.joined, read, now);
    // Who only sends to a group is in none of the rows that are known.
    let rows: Vec<_> = merged(entries).into_iter().filter(|due| !covers(due, due.1.read)).collect();
    let bring_in = rows.iter().any(|due| due.1.is_in && !covers(due, None));
    DueRows { rows, bring_in, before }
}

impl DueRows {
    /// Whether a member who is not in the conversation yet may be in it by one of them.
    pub(in crate::distributed) fn bring_in(&self) -> bool {
        self.bring_in
    }

    /// Writes them.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable): some may have been written. It may be
    /// repeated.
    pub(in crate::distributed) async fn write(self, shared: &Shared) -> Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let statements: Vec<_> = self.rows.iter().map(|(row, entry)| statement(*row, entry)).collect();
        update(&shared.database, &statements, call_end::end(shared.config.timeout)).await?;
        let present = self.rows.into_iter().filter(|(_, entry)| entry.is_in).map(|(row, entry)| {
            let RowEntry { member, joined, read, .. } = entry;
            (row, KnownRow { member, joined, read: read.unwrap_or_default() })
        });
        shared.rows.note(self.before, present, Instant::now());
        Ok(())
    }
}

/// Returns one entry for each row: several sends of a moment are written as the first of them, with
/// the highest cursor. Those by which a member is in the conversation come before the others.
fn merged(entries: Vec<RowEntry>) -> Vec<(EntryId, RowEntry)> {
    let mut merged: Vec<(EntryId, RowEntry)> = Vec::with_capacity(entries.len());
    let mut known = HashMap::with_capacity(entries.len());
    for entry in entries {
        let row = EntryId::of_row(&entry.member, &BoxId::history(&entry.conversation));
        let index = *known.entry(row).or_insert(merged.len());
        match merged.get_mut(index) {
            None => merged.push((row, entry)),
            Some((_, first)) => {
                if first.is_in == entry.is_in {
                    first.joined = first.joined.min(entry.joined);
                    first.since_ms = first.since_ms.min(entry.since_ms);
                } else if entry.is_in {
                    (first.joined, first.since_ms) = (entry.joined, entry.since_ms);
                }
                first.read = first.read.max(entry.read);
                first.is_in |= entry.is_in;
            }
        }
    }
    merged
}

/// Returns the update of one row, which has the same effect when it is done again.
fn statement(row: EntryId, entry: &RowEntry) -> Document {
    let change = if entry.is_in { Bson::from(vec![entering(entry)]) } else { Bson::from(sending(entry)) };
    doc! { "q": { "_id": row.to_bson() }, "u": change, "upsert": true }
}

/// Returns what becomes of the row of a member who is in the conversation from now on.
///
/// ```text
///  joined   a new row   the place before the send
///           has left    the same, or where they left if the send was before that
///           is in       the lower of both, or as it is if the send was before they left last
/// ```
///
/// Of the first sends of a moment a later one may be entered before: it must not hide others. What
/// was sent before a member left, and is entered once they are back, must not show what was
/// meanwhile.
fn entering(entry: &RowEntry) -> Document {
    let (joined, since) = (entry.joined.to_i64(), time(entry.since_ms));
    let mut set = Document::new();
    // A name may begin with what is a path here.
    for (field, value) in RowDoc::identity(&entry.member, &entry.conversation) {
        set.insert(field, doc! { "$literal": value });
    }
    let has_left = doc! { "$eq": ["$left", true] };
    let is_later = doc! { "$gte": [joined, { "$ifNull": ["$left_at", 0_i64] }] };
    // What is not there is neither the lowest nor the highest.
    let lower = doc! { "$min": ["$joined", joined] };
    let known = doc! { "$ifNull": ["$joined", joined] };
    let back = doc! { "$max": ["$left_at", joined] };
    let stays = doc! { "$cond": [is_later, lower, known] };
    set.insert("joined", doc! { "$cond": [has_left.clone(), back, stays] });
    let (latest, known) = (doc! { "$max": ["$since", since] }, doc! { "$ifNull": ["$since", since] });
    set.insert("since", doc! { "$cond": [has_left, latest, known] });
    set.insert("cleared", doc! { "$ifNull": ["$cleared", 0_i64] });
    set.insert("read", doc! { "$max": ["$read", entry.read.unwrap_or_default().to_i64()] });
    set.insert("left", false);
    doc! { "$set": set }
}

/// Returns what becomes of the row of one who only sends to a group: the cursor rises.
fn sending(entry: &RowEntry) -> Document {
    let mut new = RowDoc::identity(&entry.member, &entry.conversation);
    new.extend(doc! {
        "cleared": 0_i64, "since": time(entry.since_ms), "joined": entry.joined.to_i64(), "left": true,
    });
    let read = entry.read.unwrap_or_default().to_i64();
    doc! { "$max": { "read": read }, "$setOnInsert": new }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GroupName;

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    fn entry(member: &str, place: u64, is_sender: bool) -> RowEntry {
        RowEntry {
            member: MemberId::new(member).unwrap(),
            conversation: Conversation::group(GroupName::new("g").unwrap()),
            joined: seq(place - 1),
            since_ms: place * 10,
            read: is_sender.then_some(seq(place)),
            is_in: true,
        }
    }

    #[test]
    fn sends_of_a_moment_are_written_as_the_first_with_the_highest_cursor() {
        let news = RowEntry { is_in: false, ..entry("news", 7, true) };
        let entries = vec![
            entry("a", 8, true),
            entry("b", 8, false),
            entry("a", 7, false),
            entry("a", 9, true),
            news.clone(),
            entry("news", 9, false),
        ];
        let merged: Vec<_> = merged(entries).into_iter().map(|(_, entry)| entry).collect();
        let a = RowEntry { joined: seq(6), since_ms: 70, read: Some(seq(9)), ..entry("a", 8, true) };
        // What was there before they were sent to is not unread, whatever they have sent before.
        let news = RowEntry { joined: seq(8), since_ms: 90, is_in: true, ..news };
        assert_eq!(merged, [a, entry("b", 8, false), news]);
    }

    #[test]
    fn a_row_begins_with_what_was_there_before_the_send() {
        let recipient = statement(EntryId::Ours([7; 16]), &entry("b", 8, false));
        let change = recipient.get_array("u").unwrap();
        let set = change[0].as_document().unwrap().get_document("$set").unwrap();
        for (field, value) in [("member", "b"), ("id", "seq:group:g"), ("group", "g")] {
            assert_eq!(set.get_document(field).unwrap(), &doc! { "$literal": value });
        }
        let joined = doc! { "$cond": [
            { "$eq": ["$left", true] },
            { "$max": ["$left_at", 7_i64] },
            { "$cond": [
                { "$gte": [7_i64, { "$ifNull": ["$left_at", 0_i64] }] },
                { "$min": ["$joined", 7_i64] },
                { "$ifNull": ["$joined", 7_i64] },
            ] },
        ] };
        assert_eq!(set.get_document("joined").unwrap(), &joined);
        assert_eq!(set.get_document("read").unwrap(), &doc! { "$max": ["$read", 0_i64] });
        assert!(!set.get_bool("left").unwrap() && recipient.get_bool("upsert").unwrap());
    }

    #[test]
    fn who_only_sends_is_as_one_who_left_and_has_read() {
        let news = RowEntry { is_in: false, ..entry("news", 8, true) };
        let news = statement(EntryId::Ours([7; 16]), &news);
        let change = news.get_document("u").unwrap();
        assert_eq!(change.get_document("$max").unwrap(), &doc! { "read": 8_i64 });
        let new = change.get_document("$setOnInsert").unwrap();
        assert!(new.get_bool("left").unwrap() && !new.contains_key("read"));
        assert!(!change.contains_key("$set"), "one who is in the group stays in it");
        assert!(!change.contains_key("$min"), "one who is in the group was sent to since then");
    }

    #[test]
    fn who_gets_no_copy_is_told_how_far_they_have_read() {
        let told = |entry: &RowEntry| entry.silent_cursor().map(|(_, cursor)| cursor.read.get());
        assert_eq!(told(&RowEntry { is_in: false, ..entry("news", 8, true) }), Some(8));
        assert_eq!(told(&entry("a", 8, true)), None);
        assert_eq!(told(&entry("b", 8, false)), None);
    }
}
