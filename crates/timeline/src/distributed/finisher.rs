//! The task that ends what others have begun and did not end, as they died.

use std::collections::HashSet;
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::{RawDocumentBuf, doc};
use tokio::time::sleep;

use super::changes;
use super::config::Config;
use super::documents::{IntentDoc, IntentKind, IntentOp};
use super::entry_id::EntryId;
use super::send::operation::{find_entries, floors_of};
use super::send::{Operation, metrics, spread};
use super::shared::Shared;
use crate::{Error, ErrorKind, Result};

/// How often it looks.
const PERIOD: Duration = Duration::from_secs(1);

/// How much older than the grace an intent is before others end it.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long an intent is kept of which nothing is there.
///
/// What it names may come still, from a server that stood still in the middle. After that time one
/// of this node is taken for one that was left, too: so it is longer than any call lasts.
const KEPT: Duration = Duration::from_secs(90);

// Whatever the settings are.
const _: () = assert!(KEPT.as_secs() > Config::TIMEOUT_BOUNDS.end().as_secs());

/// How many intents are ended with one look: any, so that those that are kept hold up no other.
const INTENTS_MAX: i64 = 16;

/// Looks for what was left, until the store is stopped.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut told = Told::default();
    loop {
        tokio::select! {
            // The nodes of a store do not all look at the same time.
            () = sleep(PERIOD.mul_f64(0.5 + fastrand::f64())) => {}
            () = shared.stop.cancelled() => break,
        }
        if !shared.state.borrow().is_well() {
            continue;
        }
        shared.episodes.tell_over();
        match shared.stop.run_until_cancelled(Box::pin(look(&shared, &mut told))).await {
            None => break,
            Some(Ok(())) => {}
            Some(Err(error)) => {
                tracing::debug!("what other nodes left could not be ended, which is tried again: {error:#}");
            }
        }
    }
    // What stays is looked at by another node, and found done.
    let is_there = shared.database.link().state().borrow().is_well();
    if is_there && let Err(error) = shared.intents.delete_idle(true).await {
        tracing::debug!("the intents of this node stay, and are deleted by another one: {error:#}");
    }
}

async fn look(shared: &Arc<Shared>, told: &mut Told) -> Result<()> {
    shared.intents.delete_idle(false).await?;
    for noted in shared.intents.take_left() {
        // One that cannot be ended now is left again when it is dropped.
        let age = noted.age();
        match end_after(shared, noted.ops(), age, told).await {
            Ok(found) if found.is_over(age) => noted.done(),
            Ok(found) => noted.leave(found.open),
            Err(error) => tracing::debug!("what this node left is not ended yet: {error:#}"),
        }
    }
    for (intent, age) in late(shared).await? {
        if let Err(error) = end_intent(shared, &intent, age, told).await {
            tracing::debug!("what node {} had begun is not ended yet: {error:#}", intent.node);
        }
    }
    Ok(())
}

/// Ends what an intent names, and deletes it, or leaves what may come still.
async fn end_intent(shared: &Arc<Shared>, intent: &IntentDoc, age: Duration, told: &mut Told) -> Result<()> {
    let found = end_after(shared, &intent.ops, age, told).await?;
    let is_over = found.is_over(age);
    if !is_over && found.open.len() == intent.ops.len() {
        return Ok(());
    }
    // One that was replaced meanwhile belongs to a node that lives.
    let unchanged = doc! { "_id": &intent.lane, "at": intent.at };
    // What has ended is not looked at again, and nobody is told of it each second.
    let left = doc! { "$set": { "ops": IntentDoc::ops(&found.open) } };
    let noted = shared.database.call(move |collections| async move {
        if is_over {
            collections.intents.delete_one(unchanged).await.map(drop)
        } else {
            collections.intents.update_one(unchanged, left).await.map(drop)
        }
    });
    noted.await?;
    if found.is_there {
        metrics::intent_ended();
        shared.episodes.intent_ended(&intent.node, age);
    }
    Ok(())
}

/// What was found of the operations of an intent.
#[derive(Debug, Default)]
struct Found {
    /// Whether anything that it names was there, and has ended now.
    is_there: bool,
    /// What was not there, and may come still; or cannot be ended here.
    open: Vec<IntentOp>,
    /// Whether some of that has a document that cannot be read here, and may be by a later version.
    has_unreadable: bool,
}

impl Found {
    /// Whether an intent of this age can be forgotten.
    fn is_over(&self, age: Duration) -> bool {
        self.open.is_empty() || (age > KEPT && !self.has_unreadable)
    }
}

/// Ends operations that were noted so long ago, as far as there is anything of them.
async fn end_after(shared: &Arc<Shared>, ops: &[IntentOp], age: Duration, told: &mut Told) -> Result<Found> {
    // The order matters: while no majority confirms writes, what the primary has is not seen, and
    // would be forgotten. Whatever it had before this write is seen after it.
    if age > KEPT {
        confirm(shared).await?;
    }
    end(shared, ops, told).await
}

/// Has a majority confirm a write, and with it all that the primary had before.
async fn confirm(shared: &Shared) -> Result<()> {
    let write = doc! { "$currentDate": { "at": true } };
    let written = shared.database.call(move |collections| async move {
        collections.meta.update_one(doc! { "_id": "confirmed" }, write).upsert(true).await.map(drop)
    });
    written.await
}

/// Reads the intents that their nodes should have ended by now, with their ages.
async fn late(shared: &Shared) -> Result<Vec<(IntentDoc, Duration)>> {
    let patience = millis(shared.config.grace + PATIENCE);
    let node = shared.node.as_str().to_owned();
    let age = |least: i64| doc! { "$gt": [{ "$subtract": ["$$NOW", "$at"] }, least] };
    let of_others = doc! { "$and": [{ "$ne": ["$node", { "$literal": node }] }, age(patience)] };
    let is_late = doc! { "$expr": { "$or": [of_others, age(millis(KEPT))] } };
    let pipeline = [
        doc! { "$match": is_late },
        doc! { "$sample": { "size": INTENTS_MAX } },
        doc! { "$set": { "age": { "$subtract": ["$$NOW", "$at"] } } },
    ];
    let read = shared.database.call(move |collections| async move {
        let mut cursor = collections.intents.aggregate(pipeline).await?;
        let mut found: Vec<RawDocumentBuf> = Vec::new();
        while cursor.advance().await? {
            found.push(cursor.current().to_owned());
        }
        Ok(found)
    });
    let intent = |document: &RawDocumentBuf| {
        let age = document.get_i64("age").ok().and_then(|age| u64::try_from(age).ok());
        let intent = IntentDoc::read(document);
        // One that cannot be read keeps no other back.
        let intent = intent.inspect_err(|error| tracing::debug!("an intent is left out: {error:#}")).ok()?;
        Some((intent, Duration::from_millis(age.unwrap_or_default())))
    };
    Ok(read.await?.iter().filter_map(intent).collect())
}

/// Ends operations, as far as there is anything of them.
///
/// One of which a document cannot be read keeps no other one back. It stays open, as a node of a
/// later version may read it.
async fn end(shared: &Arc<Shared>, ops: &[IntentOp], told: &mut Told) -> Result<Found> {
    match end_all(shared, ops).await {
        Err(error) if is_of_document(&error) => {}
        ended => return ended,
    }
    let mut found = Found::default();
    for op in ops {
        match end_all(shared, slice::from_ref(op)).await {
            Ok(one) => {
                found.is_there |= one.is_there;
                found.open.extend(one.open);
            }
            Err(error) if is_of_document(&error) => {
                told.tell(op, &error);
                found.has_unreadable = true;
                found.open.push(op.clone());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Whether an error comes from a document that cannot be read, whatever was said of it since.
fn is_of_document(error: &Error) -> bool {
    let source = || std::error::Error::source(error)?.downcast_ref::<Error>();
    error.kind() == ErrorKind::Corrupt || source().is_some_and(is_of_document)
}

/// The operations that cannot be ended here, of which the log was told.
#[derive(Debug, Default)]
struct Told(Vec<IntentOp>);

impl Told {
    /// Tells the log of one, and counts it, unless that was done.
    fn tell(&mut self, op: &IntentOp, error: &Error) {
        if self.0.contains(op) {
            return;
        }
        if self.0.len() == TOLD_MAX {
            self.0.clear();
        }
        self.0.push(op.clone());
        metrics::unfinished();
        let IntentOp { history, seq, .. } = op;
        tracing::warn!(
            "what was begun at {seq} of the history {history} cannot be ended by this node, which goes on \
             with what else there is: {error:#}"
        );
    }
}

/// Of how many operations it is known that the log was told.
const TOLD_MAX: usize = 1_000;

/// Ends operations together, as far as there is anything of them.
async fn end_all(shared: &Arc<Shared>, ops: &[IntentOp]) -> Result<Found> {
    let sends = ops.iter().filter(|op| op.kind == IntentKind::Send);
    let keys: Vec<_> = sends.filter_map(|op| Some((&op.history, op.key?))).collect();
    let entries = find_entries(shared, keys).await?;
    let found = found(ops, &entries.iter().map(|entry| entry.key).collect());
    let floors = floors_of(shared, &entries).await?;
    let operations = entries.into_iter().map(Operation::stored).collect::<Result<Vec<_>>>()?;
    let is_gone = |operation: &Operation| {
        floors.get(operation.history.as_str()).is_some_and(|floor| operation.entry.seq <= *floor)
    };
    let (gone, operations): (Vec<_>, Vec<_>) = operations.into_iter().partition(is_gone);
    changes::copies::expire(shared, &gone).await?;
    for copied in spread::complete(shared, &operations, true).await {
        copied?;
    }
    // Whoever wrote the copies that were there may have told nobody.
    for record in operations.iter().filter_map(|operation| operation.entry.record.as_ref()) {
        record.members.iter().for_each(|member| shared.teller.freed(member));
    }
    for op in ops {
        match op.kind {
            IntentKind::Send => continue,
            IntentKind::Change => changes::finish::finish_change(shared, &op.history, op.seq).await?,
            IntentKind::Purge => changes::finish::finish_purge(shared, &op.history).await?,
        }
    }
    Ok(found)
}

/// Tells what of operations is there from what is not, by the entries of histories that are.
///
/// A change that is not under way may be begun still, as an entry may come.
fn found(ops: &[IntentOp], entries: &HashSet<EntryId>) -> Found {
    let is_open = |op: &&IntentOp| match op.kind {
        IntentKind::Send => op.key.is_some_and(|key| !entries.contains(&key)),
        IntentKind::Change | IntentKind::Purge => true,
    };
    let open: Vec<_> = ops.iter().filter(is_open).cloned().collect();
    let is_there = !entries.is_empty() || ops.iter().any(|op| op.kind != IntentKind::Send);
    Found { is_there, open, has_unreadable: false }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::box_id::{BoxId, Side};
    use super::*;
    use crate::Seq;

    #[test]
    fn what_was_not_found_may_come_still() {
        let history = BoxId::stored(Side::History, "seq:a:b");
        let op = |kind, key| IntentOp { kind, history: history.clone(), seq: Seq::ZERO.next(), key };
        let [one, other] = [1, 2].map(EntryId::fresh);
        let sends = [op(IntentKind::Send, Some(one)), op(IntentKind::Send, Some(other))];
        let open = |entries: &[EntryId]| found(&sends, &entries.iter().copied().collect()).open;
        assert_eq!(open(&[]), sends);
        assert_eq!(open(&[other]), sends[..1]);
        assert!(open(&[one, other]).is_empty());
        let purge = found(&[op(IntentKind::Purge, None)], &HashSet::new());
        assert!(purge.is_there && !purge.is_over(KEPT));
        assert!(purge.is_over(KEPT + Duration::from_millis(1)));
        let nothing = found(&sends, &HashSet::new());
        assert!(!nothing.is_there && !nothing.is_over(Duration::ZERO));
    }

    #[test]
    fn what_cannot_be_read_is_kept_for_a_later_version() {
        let history = BoxId::stored(Side::History, "seq:a:b");
        let op = IntentOp { kind: IntentKind::Send, history, seq: Seq::ZERO, key: Some(EntryId::fresh(1)) };
        let long = KEPT * 1_000;
        let found = |has_unreadable| Found { is_there: true, open: vec![op.clone()], has_unreadable };
        assert!(found(false).is_over(long) && !found(true).is_over(long));
        assert!(Found { open: Vec::new(), ..found(true) }.is_over(Duration::ZERO));
    }

    #[test]
    fn a_document_that_cannot_be_read_is_told_of_once_however_its_error_comes() {
        let corrupt = Error::new(ErrorKind::Corrupt, "the entry cannot be read");
        let unknown = Error::with_source(ErrorKind::UnknownOutcome, "it is unknown", corrupt.clone());
        let away = Error::new(ErrorKind::Unavailable, "nobody answers");
        assert!(is_of_document(&corrupt) && is_of_document(&unknown) && !is_of_document(&away));
        let history = BoxId::stored(Side::History, "seq:a:b");
        let op = IntentOp { kind: IntentKind::Purge, history, seq: Seq::ZERO, key: None };
        let mut told = Told::default();
        told.tell(&op, &corrupt);
        told.tell(&op, &unknown);
        assert_eq!(told.0, [op]);
    }

    #[test]
    fn times_are_whole_milliseconds() {
        assert_eq!((millis(KEPT), millis(Duration::MAX)), (90_000, i64::MAX));
    }
}
