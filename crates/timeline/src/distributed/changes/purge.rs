//! The call that purges a history.

use std::collections::HashSet;

use mongodb::bson::{Bson, Document, doc};
use tokio::time::{Instant, sleep};

use super::attempts::{PAUSE, unknown};
use super::finish::finish_purge;
use super::reservation::Reservation;
use super::stored::{first_above, last_above};
use super::told_entry::before;
use crate::distributed::box_id::{BoxId, Side};
use crate::distributed::database::of_link;
use crate::distributed::documents::{
    CLAIM, HOLE, Head, IntentKind, IntentOp, PendingChange, kind_number, time,
};
use crate::distributed::entry_id::EntryId;
use crate::distributed::intents::Noted;
use crate::distributed::send::operation::find_entries;
use crate::distributed::shared::Shared;
use crate::distributed::{call_end, clock, groups, keeper, read, tops};
use crate::{Conversation, EntryKind, Error, ErrorKind, MemberId, Parties, Result, Seq};

/// What an attempt to purge a history came to.
enum Attempt {
    /// There was nothing to purge; a purge lies at this place, if there ever was anything.
    Nothing(Seq),
    /// It was begun, and is to be finished.
    Begun(Reservation, EntryId),
    /// Somebody else was faster.
    Late,
}

/// Deletes all entries of a history, and returns the place of the purge that tells of it.
///
/// From the update of the head on the history is empty for its readers, and its texts will leave
/// the inboxes, whoever finishes that. A long history takes longer than a call may: a caller that
/// was answered or dropped does not end it, and any node goes on where another one has ended. Who
/// repeats the call waits for the same end.
///
/// # Errors
///
/// As [`Store::purge`](crate::Store::purge); [`UnknownOutcome`](crate::ErrorKind::UnknownOutcome)
/// when it was not confirmed in time.
pub(in crate::distributed) async fn purge(shared: &Shared, conversation: &Conversation) -> Result<Seq> {
    let history = BoxId::history(conversation);
    let until = call_end::end(shared.config.timeout);
    let turn = shared.turns.wait(&history, until).await?;
    loop {
        let op = IntentOp { kind: IntentKind::Purge, history: history.clone(), seq: Seq::ZERO, key: None };
        // It is noted in vain if there is nothing to purge, which is seldom asked for.
        let mut noted = shared.intents.note(vec![op]).await?;
        match attempt(shared, &history, conversation, &mut noted, until).await? {
            Attempt::Nothing(place) => {
                noted.done();
                return Ok(place);
            }
            Attempt::Begun(reservation, key) => {
                // Changes and sends that come now are behind the purge.
                drop(turn);
                // The caller is answered in time, and this goes on.
                return call_end::without(finish_all(shared, &history, &reservation, key, noted)).await;
            }
            Attempt::Late => noted.done(),
        }
        if Instant::now() >= until {
            let text = "the history was not purged, as other nodes purge it all the while; try again";
            return Err(Error::new(ErrorKind::Unavailable, text));
        }
    }
}

async fn attempt(
    shared: &Shared,
    history: &BoxId,
    conversation: &Conversation,
    noted: &mut Noted,
    until: Instant,
) -> Result<Attempt> {
    let head = read::head(shared, history).await?;
    if head.purge.is_some() {
        call_end::without(finish_purge(shared, history)).await?;
        return Ok(Attempt::Late);
    }
    let purge = kind_number(EntryKind::Purge);
    // A message has no kind.
    let anything = doc! { "kind": { "$nin": [purge, HOLE, CLAIM] } };
    if first_above(shared, history, head.floor, anything).await?.is_none() {
        return Ok(Attempt::Nothing(last_purge(shared, history, head.floor).await?));
    }
    let members = told_members(shared, history, conversation, head.floor).await?;
    let reservation = Reservation::at_the_end(shared, history, members).await?;
    let pending = PendingChange {
        key: EntryId::fresh(reservation.at_ms),
        kind: EntryKind::Purge,
        place: reservation.place,
        at_ms: reservation.at_ms,
        by: None,
        members: reservation.members.clone(),
        seqs: reservation.seqs.clone(),
    };
    if begin(shared, history, &pending, noted, until).await? {
        return Ok(Attempt::Begun(reservation, pending.key));
    }
    reservation.give_up(shared, history).await;
    Ok(Attempt::Late)
}

/// Returns the place of the last purge of a history that has nothing else; its end if that is gone.
async fn last_purge(shared: &Shared, history: &BoxId, floor: Seq) -> Result<Seq> {
    let purge = doc! { "kind": kind_number(EntryKind::Purge) };
    if let Some(purge) = last_above(shared, history, floor, purge).await? {
        return Ok(purge.seq);
    }
    let tops = tops::read(&shared.database, Side::History, &[history.as_str()]).await?;
    Ok(tops.get(history.as_str()).map_or(Seq::ZERO, |top| top.seq))
}

/// Returns who has the conversation in their list, as far as the store knows.
async fn told_members(
    shared: &Shared,
    history: &BoxId,
    conversation: &Conversation,
    floor: Seq,
) -> Result<Vec<MemberId>> {
    let mut members = match conversation.parties() {
        Parties::Pair(one, other) => vec![one.clone(), other.clone()],
        Parties::Group(name) => {
            let group = groups::get(shared, name).await?;
            group.into_iter().flat_map(|group| group.members).map(|known| known.member).collect()
        }
    };
    let message = doc! { "members": { "$exists": true } };
    let last = last_above(shared, history, floor, message).await?;
    members.extend(last.and_then(|last| last.record).into_iter().flat_map(|record| record.members));
    let mut seen = HashSet::new();
    members.retain(|member| seen.insert(member.clone()));
    Ok(members)
}

/// Updates the head, unless a purge is under way.
///
/// Returns whether it is this purge that is under way, or done already.
async fn begin(
    shared: &Shared,
    history: &BoxId,
    pending: &PendingChange,
    noted: &mut Noted,
    until: Instant,
) -> Result<bool> {
    loop {
        let begun = match noted.renew_if_old().await {
            Ok(()) => update_head(shared, history, pending).await,
            Err(error) => Err(error),
        };
        let outcome = match begun {
            // An attempt that was not answered may have been the one.
            Ok(false) => has_begun(shared, history, pending).await,
            begun => begun,
        };
        match outcome {
            Err(error) if Instant::now() + PAUSE >= until => return Err(unknown(error)),
            Err(_) => sleep(PAUSE).await,
            decided => return decided,
        }
    }
}

/// Gives the head its floor and the purge, if none is under way, and returns whether it did.
async fn update_head(shared: &Shared, history: &BoxId, pending: &PendingChange) -> Result<bool> {
    let floor = before(pending.place).to_i64();
    let mut filter = Head::filter(history);
    // Null is also what is not there.
    filter.insert("purge", Bson::Null);
    filter.insert("floor", doc! { "$not": { "$gt": floor } });
    let update = purged(history, floor, pending);
    let updated = shared.database.call_raw(move |collections| async move {
        collections.histories.update_one(filter, update).upsert(true).await
    });
    match updated.await {
        Ok(_) => Ok(true),
        // There is a head, which the filter does not find.
        Err(error) if error.kind() == mongo_link::ErrorKind::Conflict => Ok(false),
        Err(error) => Err(of_link(error)),
    }
}

fn purged(history: &BoxId, floor: i64, pending: &PendingChange) -> Document {
    doc! {
        "$set": { "floor": floor, "floor_at": time(clock::unix_ms()), "purge": pending.to_document() },
        "$max": { "top": floor, "last_at": time(pending.at_ms) },
        "$setOnInsert": Head::on_insert(history),
    }
}

/// Returns whether a purge is under way, or has been done.
async fn has_begun(shared: &Shared, history: &BoxId, pending: &PendingChange) -> Result<bool> {
    let head = read::head(shared, history).await?;
    if head.purge.is_some_and(|purge| purge.key == pending.key) {
        return Ok(true);
    }
    Ok(!find_entries(shared, [(history, pending.key)]).await?.is_empty())
}

/// Finishes a purge that was begun, and returns the place of the entry that tells of it.
async fn finish_all(
    shared: &Shared,
    history: &BoxId,
    reservation: &Reservation,
    key: EntryId,
    noted: Noted,
) -> Result<Seq> {
    finish(shared, history).await?;
    noted.done();
    keeper::all_grown(shared, reservation.ends(history)).await;
    let told = find_entries(shared, [(history, key)]).await?;
    Ok(told.first().map_or(reservation.place, |told| told.seq))
}

/// Finishes the purge; whoever has ended the steps of it meanwhile.
///
/// A long history takes longer than a call may: only a step that fails for that long ends it.
async fn finish(shared: &Shared, history: &BoxId) -> Result<()> {
    let mut failing_since = None;
    loop {
        let Err(error) = finish_purge(shared, history).await else { return Ok(()) };
        let since = *failing_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= shared.config.timeout {
            return Err(unknown(error));
        }
        sleep(PAUSE).await;
    }
}
