//! The boxes that have to be looked at, and by when: the collection `chat_boxes`.
//!
//! | field | type | what |
//! |---|---|---|
//! | `_id` | string | `inbox:<box>` or `history:<box>` |
//! | `look_at` | date | when the keeper looks at it |
//! | `prune` | int64 | up to where its entries may be removed; absent if nothing is to be removed |
//! | `prune_at` | date | from when on that is |
//! | `rev` | int64 | how often the box was noted |
//! | `idle` | boolean | whether there was nothing to do at the last look |
//!
//! All times are those of the server. A box with nothing to do is looked at once more before it is
//! removed from here: a node that noted it a moment ago does not note it again.

use std::time::Duration;

use mongodb::bson::{Bson, DateTime, Document, doc};
use tokio::time::Instant;

use super::keep::keep_of;
use crate::distributed::box_id::{BoxId, Side};
use crate::distributed::database::Database;
use crate::distributed::hold::HOLD;
use crate::distributed::shared::Shared;
use crate::{Error, ErrorKind, Result, Seq};

/// A box that is due.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DueBox {
    pub(super) boxed: BoxId,
    /// Up to where entries may be removed, and from when on, in milliseconds since 1970.
    pub(super) prune: Option<(Seq, i64)>,
    pub(super) is_idle: bool,
    rev: i64,
}

/// What is to be done with a box after a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pruning {
    /// What is noted stays noted.
    AsNoted,
    /// What lies up to this floor may be removed after a while.
    UpTo(Seq),
    /// There is nothing to remove.
    Nothing,
}

/// Returns how long a box with nothing to do stays in the registry at least.
///
/// `age` is how long its entries are kept. A note of a box is good for half of that, and for all
/// that would be noted meanwhile.
fn idle_period(age: Option<Duration>) -> Duration {
    age.map_or(HOLD, |age| age.min(HOLD))
}

/// Notes that a box was freed up to its floor, which is durable.
///
/// What lies below is removed after a while, also if more is freed all the time. It is not noted
/// again within a few minutes. If it cannot be noted now, the next that is freed is.
pub(in crate::distributed) async fn freed(shared: &Shared, boxed: &BoxId, floor: Seq) {
    let now = Instant::now();
    shared.upkeep.note_floor(boxed, floor);
    let period = idle_period(keep_of(shared, boxed).age_max()) / 2;
    if floor == Seq::ZERO || shared.upkeep.was_freed(boxed, period, now) {
        return;
    }
    match note(shared, boxed, HOLD, Some(floor)).await {
        Ok(()) => shared.upkeep.note_freed(boxed, now),
        Err(error) => tracing::debug!("what was freed of the box {boxed} stays for longer: {error:#}"),
    }
}

/// Notes that a box has entries which are kept for a time, unless that was done a moment ago.
pub(super) async fn aging(shared: &Shared, boxed: &BoxId, age: Duration) -> Result<()> {
    let now = Instant::now();
    if shared.upkeep.has_grown(boxed, idle_period(Some(age)) / 2, now) {
        return Ok(());
    }
    note(shared, boxed, age, None).await?;
    shared.upkeep.note_grown(boxed, now);
    Ok(())
}

/// Notes that a box is to be looked at, no later than after `within`.
async fn note(shared: &Shared, boxed: &BoxId, within: Duration, freed: Option<Seq>) -> Result<()> {
    let (filter, set) = (doc! { "_id": id(boxed) }, noted(within, freed));
    let noted = shared.database.call(move |collections| async move {
        collections.boxes.update_one(filter, vec![doc! { "$set": set }]).upsert(true).await
    });
    noted.await.map(drop)
}

fn noted(within: Duration, freed: Option<Seq>) -> Document {
    let mut set = doc! {
        // The earlier one; what is not there does not count.
        "look_at": { "$min": ["$look_at", after(within)] },
        "rev": { "$add": [{ "$ifNull": ["$rev", 0_i64] }, 1_i64] },
        "idle": false,
    };
    if let Some(floor) = freed {
        // A floor that was noted before is removed first, and this one after the next look.
        set.insert("prune", doc! { "$ifNull": ["$prune", floor.to_i64()] });
        set.insert("prune_at", doc! { "$ifNull": ["$prune_at", after(HOLD)] });
    }
    set
}

/// Returns the time after a while, on the clock of the server.
fn after(time: Duration) -> Document {
    doc! { "$add": ["$$NOW", millis(time)] }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 2)
}

fn id(boxed: &BoxId) -> String {
    format!("{}:{boxed}", boxed.side())
}

/// Returns the box that an `_id` names.
fn boxed(id: &str) -> Option<BoxId> {
    let (side, name) = id.split_once(':')?;
    let side = [Side::Inbox, Side::History].into_iter().find(|known| known.to_string() == side)?;
    Some(BoxId::stored(side, name))
}

/// Enters boxes that are not there yet, to be looked at now.
pub(in crate::distributed) async fn enter(database: &Database, boxes: &[BoxId], now_ms: i64) -> Result<()> {
    let new = doc! { "look_at": DateTime::from_millis(now_ms), "rev": 0_i64, "idle": false };
    let statement = |boxed: &BoxId| {
        doc! { "q": { "_id": id(boxed) }, "u": { "$setOnInsert": new.clone() }, "upsert": true }
    };
    let statements: Vec<_> = boxes.iter().map(statement).collect();
    if statements.is_empty() {
        return Ok(());
    }
    let answer = database.call(move |collections| async move {
        let command = doc! {
            "update": collections.boxes.name(),
            "updates": statements,
            "ordered": false,
            "writeConcern": { "w": "majority" },
        };
        collections.database.run_command(command).await
    });
    check_answer(&answer.await?)
}

/// Checks that all boxes were entered; those that somebody else entered meanwhile are.
fn check_answer(answer: &Document) -> Result<()> {
    let errors = answer.get_array("writeErrors").into_iter().flatten().filter_map(Bson::as_document);
    let failed = errors.filter(|error| !matches!(error.get_i32("code"), Ok(11_000)));
    let concern = answer.get_document("writeConcernError").ok();
    match failed.chain(concern).next() {
        None => Ok(()),
        Some(error) => {
            let why = error.get_str("errmsg").unwrap_or("it does not say why");
            let text = format!("mongodb did not enter boxes that are to be looked at: {why}");
            Err(Error::new(ErrorKind::Unavailable, text))
        }
    }
}

/// Returns the boxes that are due, those that wait longest first.
pub(super) async fn due(shared: &Shared, now_ms: i64, limit: i64) -> Result<Vec<DueBox>> {
    let filter = doc! { "look_at": { "$lte": DateTime::from_millis(now_ms) } };
    let found = shared.database.call(move |collections| async move {
        let mut cursor = collections.boxes.find(filter).sort(doc! { "look_at": 1 }).limit(limit).await?;
        let mut found: Vec<Document> = Vec::new();
        while cursor.advance().await? {
            found.push(cursor.deserialize_current()?);
        }
        Ok(found)
    });
    // What names no box is none of ours; it would be first for ever, so it is not counted.
    Ok(found.await?.iter().filter_map(DueBox::read).collect())
}

/// Notes what a look at a box came to.
///
/// `aged_at_ms` is when the next of its entries is too old. What was noted since the look began is
/// left to the next look.
pub(super) async fn looked(
    shared: &Shared,
    due: &DueBox,
    aged_at_ms: Option<u64>,
    pruning: Pruning,
) -> Result<()> {
    let filter = doc! { "_id": id(&due.boxed), "rev": due.rev };
    let has_pruning = match pruning {
        Pruning::AsNoted => due.prune.is_some(),
        Pruning::UpTo(_) => true,
        Pruning::Nothing => false,
    };
    let has_nothing = aged_at_ms.is_none() && !has_pruning;
    let age = keep_of(shared, &due.boxed).age_max();
    let stages = after_look(aged_at_ms, pruning, has_nothing, age);
    let is_over = has_nothing && due.is_idle;
    let noted = shared.database.call(move |collections| async move {
        if is_over {
            collections.boxes.delete_one(filter).await.map(drop)
        } else {
            collections.boxes.update_one(filter, stages).await.map(drop)
        }
    });
    noted.await
}

/// Returns what a look makes of a box.
fn after_look(
    aged_at_ms: Option<u64>,
    pruning: Pruning,
    has_nothing: bool,
    age: Option<Duration>,
) -> Vec<Document> {
    let pruned = match pruning {
        Pruning::AsNoted => None,
        // The order matters: the floor was read before the time that this begins with.
        Pruning::UpTo(floor) => Some(doc! { "$set": { "prune": floor.to_i64(), "prune_at": after(HOLD) } }),
        Pruning::Nothing => Some(doc! { "$unset": ["prune", "prune_at"] }),
    };
    let aged_at = aged_at_ms.map_or(Bson::Null, |at| {
        Bson::DateTime(DateTime::from_millis(i64::try_from(at).unwrap_or(i64::MAX)))
    });
    let look_at = if has_nothing {
        after(idle_period(age))
    } else {
        doc! { "$min": ["$prune_at", aged_at] }
    };
    let next = doc! { "$set": { "look_at": look_at, "idle": has_nothing } };
    pruned.into_iter().chain([next]).collect()
}

/// Has a box looked at again after a while, as this look failed.
pub(super) async fn postpone(shared: &Shared, due: &DueBox, within: Duration) -> Result<()> {
    let filter = doc! { "_id": id(&due.boxed), "rev": due.rev };
    let stages = vec![doc! { "$set": { "look_at": after(within) } }];
    let postponed = shared
        .database
        .call(move |collections| async move { collections.boxes.update_one(filter, stages).await });
    postponed.await.map(drop)
}

impl DueBox {
    fn read(document: &Document) -> Option<Self> {
        let boxed = boxed(document.get_str("_id").ok()?)?;
        let prune = document.get_i64("prune").ok().and_then(|floor| Seq::try_from(floor).ok());
        let prune_at = document.get_datetime("prune_at").ok().map(|at| at.timestamp_millis());
        Some(Self {
            boxed,
            prune: prune.zip(prune_at),
            is_idle: document.get_bool("idle").unwrap_or(false),
            rev: document.get_i64("rev").unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Conversation, GroupName, MemberId};

    fn history() -> BoxId {
        BoxId::history(&Conversation::group(GroupName::new("tea").unwrap()))
    }

    #[test]
    fn a_box_is_known_by_its_side_and_its_name() {
        let inbox = BoxId::inbox(&MemberId::new("history:a:b").unwrap());
        assert_eq!(
            (id(&inbox), id(&history())),
            ("inbox:history:a:b".to_owned(), "history:seq:group:tea".to_owned())
        );
        for known in [inbox, history()] {
            assert_eq!(boxed(&id(&known)), Some(known));
        }
        assert_eq!((boxed("other:a"), boxed("inbox")), (None, None));
    }

    #[test]
    fn a_box_is_looked_at_when_the_first_of_its_reasons_is_due() {
        let set = noted(Duration::from_secs(7), None);
        let expected = doc! { "$min": ["$look_at", { "$add": ["$$NOW", 7_000_i64] }] };
        assert_eq!(set.get_document("look_at").unwrap(), &expected);
        assert!(!set.contains_key("prune"));
        let set = noted(HOLD, Some(Seq::ZERO.next()));
        assert_eq!(set.get_document("prune").unwrap(), &doc! { "$ifNull": ["$prune", 1_i64] });
        // Otherwise a box that is freed again and again would never be due.
        let prune_at = doc! { "$ifNull": ["$prune_at", { "$add": ["$$NOW", 600_000_i64] }] };
        assert_eq!(set.get_document("prune_at").unwrap(), &prune_at);
        let earlier = doc! { "$min": ["$look_at", { "$add": ["$$NOW", 600_000_i64] }] };
        assert_eq!(set.get_document("look_at").unwrap(), &earlier);
        let stages = after_look(Some(5), Pruning::UpTo(Seq::ZERO.next()), false, None);
        assert_eq!(stages.len(), 2);
        let aged_at = DateTime::from_millis(5);
        let next = doc! { "$set": { "look_at": { "$min": ["$prune_at", aged_at] }, "idle": false } };
        assert_eq!(stages[1], next);
        assert_eq!(after_look(Some(5), Pruning::AsNoted, false, None), [next]);
    }

    #[test]
    fn a_box_with_nothing_to_do_is_looked_at_once_more() {
        let idle = |age: Option<Duration>| after_look(None, Pruning::Nothing, true, age)[1].clone();
        let at = |ms: i64| doc! { "$set": { "look_at": { "$add": ["$$NOW", ms] }, "idle": true } };
        assert_eq!(idle(None), at(600_000));
        assert_eq!(
            idle(Some(Duration::from_secs(2))),
            at(2_000),
            "before an entry that comes now is too old"
        );
        assert_eq!(idle(Some(Duration::from_secs(86_400))), at(600_000));
    }

    #[test]
    fn a_note_is_good_for_less_than_a_box_stays_that_has_nothing_to_do() {
        for (age, stays) in [(None, 600), (Some(86_400), 600), (Some(2), 2)] {
            let age = age.map(Duration::from_secs);
            assert_eq!(idle_period(age), Duration::from_secs(stays));
        }
    }

    #[test]
    fn what_is_due_reads_as_it_was_noted() {
        let at = DateTime::from_millis(9);
        let mut document = doc! { "_id": "history:seq:group:tea", "look_at": at, "rev": 3_i64, "idle": true };
        document.extend(doc! { "prune": 7_i64, "prune_at": at });
        let due = DueBox { boxed: history(), prune: Some((Seq::new(7).unwrap(), 9)), is_idle: true, rev: 3 };
        assert_eq!(DueBox::read(&document), Some(due));
        let bare = DueBox::read(&doc! { "_id": "inbox:a", "rev": 1_i64 }).unwrap();
        assert_eq!((bare.prune, bare.is_idle), (None, false));
        assert_eq!(DueBox::read(&doc! { "_id": 7 }), None);
    }

    #[test]
    fn an_entering_that_somebody_else_did_is_no_failure() {
        let error = |code: i32| doc! { "index": 0, "code": code, "errmsg": "why" };
        assert!(check_answer(&doc! { "ok": 1.0, "writeErrors": [error(11_000)] }).is_ok());
        assert!(check_answer(&doc! { "ok": 1.0, "writeErrors": [error(11_000), error(112)] }).is_err());
        assert!(check_answer(&doc! { "ok": 1.0, "writeConcernError": error(64) }).is_err());
    }
}
