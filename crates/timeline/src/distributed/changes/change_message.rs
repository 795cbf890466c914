//! The call that changes a message.

use mongodb::bson::{Bson, Document, doc};
use tokio::time::{Instant, sleep};

use super::attempts::{PAUSE, unknown};
use super::reservation::Reservation;
use super::rewriting::{Rewriting, changed, check, is_done, kind_of};
use super::settle::settle;
use super::stored::head_and_entry;
use crate::distributed::box_id::BoxId;
use crate::distributed::call_end;
use crate::distributed::documents::{EntryDoc, Head, IntentKind, IntentOp, PendingChange};
use crate::distributed::entry_id::EntryId;
use crate::distributed::intents::Noted;
use crate::distributed::keeper;
use crate::distributed::send::operation::find_entries;
use crate::distributed::shared::Shared;
use crate::{Changed, EntryKind, Error, ErrorKind, MemberId, MessageChange, Result, Seq};

/// Changes a message, and returns where the entry lies that tells of it.
///
/// From the update of the message's document on it is done for readers of the history, and will be
/// in inboxes, whoever finishes it. A caller that is dropped changes nothing of that.
///
/// # Errors
///
/// As [`Store::change_message`](crate::Store::change_message);
/// [`UnknownOutcome`](crate::ErrorKind::UnknownOutcome) when it is not known whether the change
/// took effect, or when it did and the inboxes are not all told yet.
pub(in crate::distributed) async fn change_message(
    shared: &Shared,
    change: MessageChange,
) -> Result<Changed> {
    let history = BoxId::history(&change.conversation);
    let until = call_end::end(shared.config.timeout);
    let _turn = shared.turns.wait(&history, until).await?;
    loop {
        if let Some(changed) = attempt(shared, &history, &change, until).await? {
            return Ok(changed);
        }
        if Instant::now() >= until {
            let text = "the message was not changed, as other nodes change it all the while; try again";
            return Err(Error::new(ErrorKind::Unavailable, text));
        }
    }
}

/// Changes the message as it is now; none if somebody else has changed it meanwhile.
async fn attempt(
    shared: &Shared,
    history: &BoxId,
    change: &MessageChange,
    until: Instant,
) -> Result<Option<Changed>> {
    let (head, entry) = head_and_entry(shared, history, change.place).await?;
    let target = message_at(&head, entry, change.place)?;
    if target.change.is_some() {
        settle(shared, history, target.seq).await?;
        return Ok(None);
    }
    check(&target.entry, change)?;
    let members = recipients(&target)?;
    if is_done(&target.entry, &change.change) {
        return Ok(Some(done_before(&target)));
    }
    // The order matters: whoever reserves after it has read what was told last has a later place.
    let after = target.told.max(target.seq);
    let op = IntentOp {
        kind: IntentKind::Change,
        history: history.clone(),
        seq: target.seq,
        key: Some(target.key),
    };
    let noted = shared.intents.note(vec![op]);
    let (mut noted, reservation) =
        match tokio::join!(noted, Reservation::behind(shared, history, members, after)) {
            (Ok(noted), Ok(reservation)) => (noted, reservation),
            (Ok(noted), Err(error)) => {
                noted.done();
                return Err(error);
            }
            (Err(error), Ok(reservation)) => {
                reservation.give_up(shared, history).await;
                return Err(error);
            }
            (Err(error), Err(_)) => return Err(error),
        };
    let pending = PendingChange {
        key: EntryId::fresh(reservation.at_ms),
        kind: kind_of(&change.change),
        place: reservation.place,
        at_ms: reservation.at_ms,
        by: change.by.clone(),
        members: reservation.members.clone(),
        seqs: reservation.seqs.clone(),
    };
    let update = beginning(&target, change, &pending);
    if !begin(shared, history, &target, &pending, update, &mut noted, until).await? {
        reservation.give_up(shared, history).await;
        noted.done();
        return Ok(None);
    }
    let place = finish(shared, history, &target, &pending, until).await?;
    keeper::all_grown(shared, reservation.ends(history)).await;
    noted.done();
    Ok(Some(Changed::new(place, pending.at_ms)))
}

/// Returns the message at a place above the floor.
fn message_at(head: &Head, entry: Option<EntryDoc>, place: Seq) -> Result<EntryDoc> {
    let is_message = |entry: &EntryDoc| {
        let kind = entry.entry.kind;
        place > head.floor && !entry.is_hole && matches!(kind, EntryKind::Message | EntryKind::Tombstone)
    };
    entry.filter(is_message).ok_or_else(|| {
        let text = format!("there is no message at {place} of the conversation, or not any more");
        Error::new(ErrorKind::NotFound, text)
    })
}

/// Returns who got a message.
fn recipients(message: &EntryDoc) -> Result<Vec<MemberId>> {
    let Some(record) = &message.record else {
        let text = format!(
            "the message at {} cannot be changed: it is from before it was noted where the copies are",
            message.seq
        );
        return Err(Error::new(ErrorKind::Conflict, text));
    };
    Ok(record.members.clone())
}

/// Returns what the change before answered, of a message that is already as it should be.
fn done_before(target: &EntryDoc) -> Changed {
    if target.told > Seq::ZERO {
        Changed::new(target.told, target.entry.changed_at_ms)
    } else {
        Changed::new(target.seq, target.entry.at_ms)
    }
}

/// Returns the update with which a change begins.
fn beginning(target: &EntryDoc, change: &MessageChange, pending: &PendingChange) -> Document {
    let mut rewriting = Rewriting::to(&changed(&target.entry, &change.change, pending.at_ms));
    rewriting.set.insert("told", pending.place.to_i64());
    rewriting.set.insert("change", pending.to_document());
    rewriting.update()
}

/// Updates the document of the message, unless somebody else has changed it since it was read.
///
/// Returns whether it is this change that is under way, or done already.
async fn begin(
    shared: &Shared,
    history: &BoxId,
    target: &EntryDoc,
    pending: &PendingChange,
    update: Document,
    noted: &mut Noted,
    until: Instant,
) -> Result<bool> {
    loop {
        let begun = match noted.renew_if_old().await {
            Ok(()) => update_as_read(shared, history, target, update.clone()).await,
            Err(error) => Err(error),
        };
        let outcome = match begun {
            // An attempt that was not answered may have been the one.
            Ok(false) => has_begun(shared, history, target.seq, pending).await,
            begun => begun,
        };
        match outcome {
            Err(error) if Instant::now() + PAUSE >= until => return Err(unknown(error)),
            Err(_) => sleep(PAUSE).await,
            decided => return decided,
        }
    }
}

/// Updates the document of a message if it is as it was read, and returns whether it was.
async fn update_as_read(
    shared: &Shared,
    history: &BoxId,
    target: &EntryDoc,
    update: Document,
) -> Result<bool> {
    // Null is also what is not there.
    let told = if target.told > Seq::ZERO { Bson::Int64(target.told.to_i64()) } else { Bson::Null };
    let filter = doc! {
        "id": history.as_str(),
        "seq": target.seq.to_i64(),
        "_id": target.key.to_bson(),
        "told": told,
        "change": Bson::Null,
    };
    let updated = shared
        .database
        .call(move |collections| async move { collections.histories.update_one(filter, update).await });
    Ok(updated.await?.matched_count > 0)
}

/// Returns whether a change is under way, or has been done.
async fn has_begun(shared: &Shared, history: &BoxId, place: Seq, pending: &PendingChange) -> Result<bool> {
    let (_, message) = head_and_entry(shared, history, place).await?;
    if message.and_then(|message| message.change).is_some_and(|change| change.key == pending.key) {
        return Ok(true);
    }
    // Who has ended it has written the entry that tells of it before.
    Ok(!find_entries(shared, [(history, pending.key)]).await?.is_empty())
}

/// Finishes the change, again and again until that is confirmed or time is up, and returns the
/// place of the entry that tells of it.
async fn finish(
    shared: &Shared,
    history: &BoxId,
    target: &EntryDoc,
    pending: &PendingChange,
    until: Instant,
) -> Result<Seq> {
    loop {
        let settled = match settle(shared, history, target.seq).await {
            Ok(()) => find_entries(shared, [(history, pending.key)]).await,
            Err(error) => Err(error),
        };
        match settled {
            Ok(found) => return Ok(found.first().map_or(pending.place, |told| told.seq)),
            Err(error) if Instant::now() + PAUSE >= until => return Err(unknown(error)),
            Err(_) => sleep(PAUSE).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distributed::documents::Record;
    use crate::{Conversation, Entry, GroupName, Message};

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    fn history() -> BoxId {
        BoxId::history(&Conversation::group(GroupName::new("g").unwrap()))
    }

    fn at_five(kind: EntryKind) -> EntryDoc {
        let members = vec![MemberId::new("a").unwrap()];
        let record = Record { digests: None, members, seqs: vec![seq(1)] };
        let entry = Entry { kind, at_ms: 7, ..Entry::new(seq(5), Message::from_stored("{}")) };
        EntryDoc::of_history(&history(), EntryId::fresh(7), seq(5), entry, record)
    }

    #[test]
    fn only_messages_above_the_floor_can_be_changed() {
        let found = |floor: u64, entry: Option<EntryDoc>| {
            let head = Head { floor: seq(floor), ..Head::default() };
            message_at(&head, entry, seq(5)).map(|entry| entry.seq).map_err(|error| error.kind())
        };
        let missing = Err(ErrorKind::NotFound);
        for kind in [EntryKind::Message, EntryKind::Tombstone] {
            assert_eq!(found(4, Some(at_five(kind))), Ok(seq(5)));
            assert_eq!(found(5, Some(at_five(kind))), missing);
        }
        for kind in [EntryKind::Edit, EntryKind::Recall, EntryKind::Deletion, EntryKind::Purge] {
            assert_eq!(found(0, Some(at_five(kind))), missing);
        }
        assert_eq!(found(0, None), missing);
        assert_eq!(found(0, Some(EntryDoc::hole(&history(), seq(5), 7))), missing);
    }

    #[test]
    fn a_message_of_which_no_copies_are_known_is_a_conflict() {
        let unknown = EntryDoc { record: None, ..at_five(EntryKind::Message) };
        assert_eq!(recipients(&unknown).unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!(recipients(&at_five(EntryKind::Message)).unwrap().len(), 1);
    }

    #[test]
    fn what_is_done_already_has_the_answer_of_the_change_before() {
        let sent = at_five(EntryKind::Message);
        assert_eq!(done_before(&sent), Changed::new(seq(5), 7));
        let entry = Entry { changed_at_ms: 9, ..sent.entry.clone() };
        let edited = EntryDoc { told: seq(8), entry, ..sent };
        assert_eq!(done_before(&edited), Changed::new(seq(8), 9));
    }
}
