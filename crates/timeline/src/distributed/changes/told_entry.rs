//! The entry that tells of a change, and its place.

use super::rewriting::nothing;
use crate::distributed::box_id::{BoxId, Side};
use crate::distributed::clock;
use crate::distributed::documents::{EntryDoc, Head, PendingChange, Record};
use crate::distributed::send::insert::{Inserted, close_holes, insert_entries};
use crate::distributed::send::operation::find_entries;
use crate::distributed::sequencer::Want;
use crate::distributed::shared::Shared;
use crate::{Conversation, Destination, Entry, Error, ErrorKind, Parties, Result, Seq};

/// Returns what tells of a change of a message: an entry, with copies for who got the message.
pub(super) fn of_change(history: &BoxId, message: &EntryDoc, change: &PendingChange) -> EntryDoc {
    telling(history, change, message.seq, message.entry.to.clone())
}

/// Returns what tells of a purge.
///
/// `floor` is that of the history: what is up to there is gone. A purge whose place was taken has
/// another one since, and what came between is gone as well.
pub(super) fn of_purge(
    history: &BoxId,
    conversation: &Conversation,
    purge: &PendingChange,
    floor: Seq,
) -> EntryDoc {
    let to = match conversation.parties() {
        Parties::Pair(_, other) => Destination::Member(other.clone()),
        Parties::Group(group) => Destination::Group(group.clone()),
    };
    telling(history, purge, before(purge.place).min(floor), Some(to))
}

/// Returns the sequence before another one; that before 0 is 0.
pub(super) fn before(seq: Seq) -> Seq {
    Seq::new(seq.get().saturating_sub(1)).unwrap_or_default()
}

fn telling(history: &BoxId, change: &PendingChange, target: Seq, to: Option<Destination>) -> EntryDoc {
    let PendingChange { key, kind, place, at_ms, by, members, seqs } = change;
    let entry =
        Entry { kind: *kind, target, from: by.clone(), to, at_ms: *at_ms, ..Entry::new(*place, nothing()) };
    let record = Record { digests: None, members: members.clone(), seqs: seqs.clone() };
    EntryDoc::of_history(history, *key, *place, entry, record)
}

/// Writes it into the history, and returns it with the place that it has there.
///
/// None if something else has its place: whoever began to write it was late, and a tombstone closed
/// the hole. Below the floor nobody misses it.
pub(super) async fn write(shared: &Shared, head: &Head, told: EntryDoc) -> Result<Option<EntryDoc>> {
    // Who gets copies is known from the change until it is done, and nobody changes what tells.
    let entry = EntryDoc { record: None, ..told.clone() };
    let inserted = insert_entries(&shared.database, Side::History, vec![entry]).await;
    match inserted.into_iter().next() {
        Some(Inserted::Written) => {
            let history = BoxId::stored(Side::History, &told.boxed);
            shared.sequencer.seen(&history, told.seq, told.entry.at_ms);
            Ok(Some(told))
        }
        Some(Inserted::IsThere) => Ok(Some(where_it_is(shared, told).await?)),
        Some(Inserted::Taken) if told.seq <= head.floor => Ok(Some(told)),
        Some(Inserted::Taken) => Ok(None),
        Some(Inserted::Refused(error) | Inserted::Unknown(error)) => Err(error),
        None => Err(Error::new(ErrorKind::Unavailable, "mongodb answered nothing to an insert; try again")),
    }
}

/// Gives it the place and the time that it has in the history, which another node may have changed.
async fn where_it_is(shared: &Shared, told: EntryDoc) -> Result<EntryDoc> {
    let history = BoxId::stored(Side::History, &told.boxed);
    let found = find_entries(shared, [(&history, told.key)]).await?;
    let Some(found) = found.first() else {
        // Copies of an entry that a rollback may take back would tell of a place that it has not.
        let text = "no majority has the entry that tells of the change yet; try again";
        return Err(Error::new(ErrorKind::Unavailable, text));
    };
    let entry = Entry { at_ms: found.entry.at_ms, ..told.entry.clone() };
    Ok(EntryDoc { entry, keyed_ms: found.keyed_ms, ..told }.moved_to(found.seq))
}

/// Reserves another place in a history, with the time that its entry has.
pub(super) async fn another_place(shared: &Shared, history: &BoxId) -> Result<(Seq, u64)> {
    let wants = [Want { boxed: history, count: 1 }];
    let reserved = shared.sequencer.again(&wants, clock::unix_ms()).await?;
    let place = reserved.first().map(|reserved| (reserved.first, reserved.at_ms));
    place.ok_or_else(|| {
        let text = format!("no place was given out in the history {history}; try again");
        Error::new(ErrorKind::Unavailable, text)
    })
}

/// Closes a place that was reserved in vain, so that no reader waits for it.
pub(super) async fn give_up(shared: &Shared, history: &BoxId, (place, at_ms): (Seq, u64)) {
    // Times never fall in a history, so a hole has the time of what was to be there.
    let hole = EntryDoc::hole(history, place, at_ms);
    close_holes(&shared.database, Side::History, vec![hole]).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distributed::entry_id::EntryId;
    use crate::{EntryKind, GroupName, MemberId, Message};

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    fn member(id: &str) -> MemberId {
        MemberId::new(id).unwrap()
    }

    fn pending(kind: EntryKind, by: Option<&str>) -> PendingChange {
        PendingChange {
            key: EntryId::fresh(7),
            kind,
            place: seq(9),
            at_ms: 7,
            by: by.map(member),
            members: vec![member("a"), member("b")],
            seqs: vec![seq(3), seq(4)],
        }
    }

    #[test]
    fn what_tells_of_a_change_names_the_message_and_goes_where_that_went() {
        let conversation = Conversation::single(member("a"), member("b"));
        let history = BoxId::history(&conversation);
        let to = Some(Destination::Member(member("b")));
        let sent = Entry { to: to.clone(), ..Entry::new(seq(5), Message::from_stored("{\"n\":1}")) };
        let message = EntryDoc::of_history(&history, EntryId::fresh(1), seq(5), sent, Record::default());
        let change = pending(EntryKind::Recall, Some("a"));
        let told = of_change(&history, &message, &change);
        assert_eq!((told.key, told.seq, told.entry.place), (change.key, seq(9), seq(9)));
        assert_eq!((told.entry.kind, told.entry.target), (EntryKind::Recall, seq(5)));
        assert_eq!((&told.entry.from, &told.entry.to, told.entry.at_ms), (&Some(member("a")), &to, 7));
        assert_eq!(told.entry.message.as_str(), "{}");
        let record = told.record.unwrap();
        assert_eq!((record.members, record.seqs), (change.members, change.seqs));
    }

    #[test]
    fn what_tells_of_a_purge_names_the_last_entry_that_is_gone() {
        let conversation = Conversation::group(GroupName::new("g").unwrap());
        let history = BoxId::history(&conversation);
        let purge = pending(EntryKind::Purge, None);
        let target = |floor: u64| of_purge(&history, &conversation, &purge, seq(floor)).entry.target;
        assert_eq!(target(8), seq(8));
        assert_eq!(target(20), seq(8), "retention has removed more since");
        assert_eq!(target(6), seq(6), "its place was taken, and it has another");
        let told = of_purge(&history, &conversation, &purge, seq(8));
        assert_eq!(told.entry.to, Some(Destination::Group(GroupName::new("g").unwrap())));
        assert_eq!((told.entry.from, before(Seq::ZERO)), (None, Seq::ZERO));
    }
}
