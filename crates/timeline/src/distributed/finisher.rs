//! The task that ends what others have begun and did not end, as they died.

use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::{RawDocumentBuf, doc};
use tokio::time::sleep;

use super::changes;
use super::documents::{IntentDoc, IntentKind, IntentOp};
use super::send::operation::{find_entries, floors_of};
use super::send::{Operation, metrics, spread};
use super::shared::Shared;
use crate::Result;

/// How often it looks.
const PERIOD: Duration = Duration::from_secs(1);

/// How much older than the grace an intent is before others end it.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long an intent is kept of which nothing is there.
///
/// What it names may come still, from a server that stood still in the middle. After that time one
/// of this node is taken for one that was left, too.
const KEPT: Duration = Duration::from_secs(60);

/// How many intents are ended with one look: any, so that those that are kept hold up no other.
const INTENTS_MAX: i64 = 16;

/// Looks for what was left, until the store is stopped.
pub(super) async fn run(shared: Arc<Shared>) {
    loop {
        tokio::select! {
            // The nodes of a store do not all look at the same time.
            () = sleep(PERIOD.mul_f64(0.5 + fastrand::f64())) => {}
            () = shared.stop.cancelled() => break,
        }
        if !shared.state.borrow().is_well() {
            continue;
        }
        match shared.stop.run_until_cancelled(look(&shared)).await {
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

async fn look(shared: &Arc<Shared>) -> Result<()> {
    shared.intents.delete_idle(false).await?;
    for noted in shared.intents.take_left() {
        // One that cannot be ended now is left again when it is dropped.
        let age = noted.age();
        match end_after(shared, noted.ops(), age).await {
            Ok(found) if found.is_over(age) => noted.done(),
            Ok(_) => {}
            Err(error) => tracing::debug!("what this node left is not ended yet: {error:#}"),
        }
    }
    for (intent, age) in late(shared).await? {
        if let Err(error) = end_intent(shared, &intent, age).await {
            tracing::debug!("what node {} had begun is not ended yet: {error:#}", intent.node);
        }
    }
    Ok(())
}

/// Ends what an intent names, and deletes it.
async fn end_intent(shared: &Arc<Shared>, intent: &IntentDoc, age: Duration) -> Result<()> {
    let found = end_after(shared, &intent.ops, age).await?;
    if !found.is_over(age) {
        return Ok(());
    }
    // One that was replaced meanwhile belongs to a node that lives.
    let unchanged = doc! { "_id": &intent.lane, "at": intent.at };
    let deleted = shared
        .database
        .call(move |collections| async move { collections.intents.delete_one(unchanged).await.map(drop) });
    deleted.await?;
    if found.is_there {
        metrics::intent_ended();
        tracing::info!("what node {} had begun {age:?} before was ended by this one", intent.node);
    }
    Ok(())
}

/// What was found of the operations of an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    /// Whether anything that it names was there, and has ended now.
    is_there: bool,
    /// Whether something that it names was not there, and may come still.
    is_open: bool,
}

impl Found {
    /// Whether an intent of this age can be forgotten.
    fn is_over(self, age: Duration) -> bool {
        !self.is_open || age > KEPT
    }
}

/// Ends operations that were noted so long ago, as far as there is anything of them.
async fn end_after(shared: &Arc<Shared>, ops: &[IntentOp], age: Duration) -> Result<Found> {
    // The order matters: while no majority confirms writes, what the primary has is not seen, and
    // would be forgotten. Whatever it had before this write is seen after it.
    if age > KEPT {
        confirm(shared).await?;
    }
    end(shared, ops).await
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
async fn end(shared: &Arc<Shared>, ops: &[IntentOp]) -> Result<Found> {
    let sends = ops.iter().filter(|op| op.kind == IntentKind::Send);
    let keys: Vec<_> = sends.filter_map(|op| Some((&op.history, op.key?))).collect();
    let wanted = keys.len();
    let entries = find_entries(shared, keys).await?;
    let mut found = Found { is_there: !entries.is_empty(), is_open: entries.len() < wanted };
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
        // One that is not under way may be begun still, as an entry may come.
        found = Found { is_there: true, is_open: true };
    }
    Ok(found)
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_found_may_come_still() {
        let is_over = |is_there, is_open, age| Found { is_there, is_open }.is_over(age);
        for is_there in [true, false] {
            assert!(is_over(is_there, false, Duration::ZERO));
            assert!(!is_over(is_there, true, KEPT));
            assert!(is_over(is_there, true, KEPT + Duration::from_millis(1)));
        }
    }

    #[test]
    fn times_are_whole_milliseconds() {
        assert_eq!((millis(KEPT), millis(Duration::MAX)), (60_000, i64::MAX));
    }
}
