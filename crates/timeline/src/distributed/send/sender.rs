//! The task that takes sends from the queue, batch after batch.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::audience::Audience;
use super::batch::Boxes;
use super::flush::{self, Background, Flush};
use super::flushes::Flushes;
use super::gathered::Gathered;
use super::metrics;
use super::operation::Operation;
use super::repetitions::{self, Known, Reply, check_repeats};
use super::waiting::{Waiting, crowded};
use crate::distributed::box_id::BoxId;
use crate::distributed::documents::EntryDoc;
use crate::distributed::entry_id::EntryId;
use crate::distributed::indexes;
use crate::distributed::moment::Moment;
use crate::distributed::reserving;
use crate::distributed::shared::Shared;
use crate::distributed::{call_end, clock};
use crate::store::{Append, IdempotencyKey};
use crate::{Error, ErrorKind, Result};

/// How many flushes of an audience run at a time.
const FLUSHES_MAX: u32 = 4;

/// A send that is to be written, with the `_id` of its entry.
struct Fresh {
    append: Append,
    reply: Reply,
    history: BoxId,
    key: EntryId,
}

/// Takes from the queue of an audience until it is closed and empty.
pub(super) async fn run(
    shared: Arc<Shared>,
    audience: Audience,
    mut queue: mpsc::Receiver<Waiting>,
    tasks: TaskTracker,
    background: Background,
) {
    let (flushes, timeout) = (Flushes::new(FLUSHES_MAX), shared.config.timeout);
    // What did not fit into the last batch is the first of the next one.
    let mut left = None;
    let mut last = 0;
    loop {
        let first = match left.take() {
            Some(first) => Some(first),
            None => next(&mut queue, &background.closing).await,
        };
        let Some(first) = first else { break };
        let mut gathered = Gathered::new(first);
        gathered.drain(&mut queue);
        gathered.grow(audience, &mut queue, &flushes, last, timeout).await;
        // While all flushes are busy, more comes.
        let Some(permit) = flushes.begin().await else { break };
        gathered.drain(&mut queue);
        last = gathered.len();
        metrics::taken(last);
        let batch;
        (batch, left) = gathered.finish();
        let prepared = AssertUnwindSafe(begin(&shared, &tasks, &background, batch, permit));
        let prepared = prepared.catch_unwind().await;
        if prepared.is_err() {
            tracing::error!("a batch of messages panicked before it was stored; its senders repeat them");
        }
    }
}

/// Waits for the next send.
///
/// A shutdown closes the queue; what is in it comes first.
async fn next(queue: &mut mpsc::Receiver<Waiting>, closing: &CancellationToken) -> Option<Waiting> {
    tokio::select! {
        biased;
        next = queue.recv() => return next,
        () = closing.cancelled() => {}
    }
    queue.close();
    queue.recv().await
}

/// Prepares a batch in its turn, and hands it over to a flush.
async fn begin(
    shared: &Arc<Shared>,
    tasks: &TaskTracker,
    background: &Background,
    batch: Vec<Waiting>,
    permit: OwnedSemaphorePermit,
) {
    // The order matters: while MongoDB is away no sequence is reserved, which would become a hole.
    // And a send is begun after that, so that one which had to wait too long is certain not to be.
    let batch = once_safe(shared, batch).await;
    let now = Instant::now();
    let (batch, late): (Vec<_>, Vec<_>) = batch.into_iter().partition(|waiting| waiting.begin(now));
    refuse(late.into_iter().map(|waiting| waiting.reply), &crowded(shared.config.timeout));
    // Its steps end with those of the call that has most time; each caller is answered in its own.
    let Some(end) = batch.iter().map(|waiting| waiting.end).max() else { return };
    let (fresh, repeated) = call_end::until(end, sort(shared, batch, end)).await;
    let mut permit = Some(permit);
    if !repeated.is_empty() {
        // Either keeps the number of tasks bounded.
        let held = if fresh.is_empty() { permit.take() } else { None };
        let again = flush::answer_again(Arc::clone(shared), repeated, held);
        tasks.spawn(call_end::until(end, again));
    }
    let Some(permit) = permit.filter(|_| !fresh.is_empty()) else { return };
    let reserved_at = Moment::now();
    match call_end::until(end, reserve(shared, fresh, end)).await {
        Ok(sends) => {
            let flush = Flush::new(Arc::clone(shared), background.clone(), sends, reserved_at, end);
            tasks.spawn(flush.run(permit));
        }
        Err((replies, error)) => refuse(replies, &error),
    }
}

/// Waits until sends can be stored, and returns those whose time is not up by then.
///
/// The others are refused at their own ends, however much time those have that came later.
async fn once_safe(shared: &Shared, mut batch: Vec<Waiting>) -> Vec<Waiting> {
    while let Some(end) = batch.iter().map(|waiting| waiting.end).min() {
        let Err(error) = wait_until_safe(shared, end).await else { break };
        // One at least is refused, also by what needed no time.
        batch = refuse_late(batch, end.max(Instant::now()), &error);
    }
    batch
}

/// Refuses the sends whose time is up, and returns the others.
fn refuse_late(batch: Vec<Waiting>, now: Instant, error: &Error) -> Vec<Waiting> {
    let (late, batch): (Vec<_>, Vec<_>) = batch.into_iter().partition(|waiting| waiting.is_late(now));
    refuse(late.into_iter().map(|waiting| waiting.reply), error);
    batch
}

/// Waits until MongoDB answers, and has the indexes without which nothing is acknowledged.
async fn wait_until_safe(shared: &Shared, end: Instant) -> Result<()> {
    let mut state = shared.database.link().state();
    // What is found is not kept: it holds a lock.
    let is_there = matches!(timeout_at(end, state.wait_for(mongo_link::State::is_well)).await, Ok(Ok(_)));
    if !is_there {
        let address = shared.database.link().address();
        return Err(refused(&format!("mongodb at {address} is away; send again later")));
    }
    let safety = shared.database.safety();
    let mut unsure = safety.subscribe();
    let is_safe = matches!(timeout_at(end, unsure.wait_for(Option::is_none)).await, Ok(Ok(_)));
    if is_safe {
        return Ok(());
    }
    Err(refused(safety.why_not().as_deref().unwrap_or(indexes::MISSING)))
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::Unavailable, format!("the message was not stored: {why}"))
}

fn refuse(replies: impl IntoIterator<Item = Reply>, error: &Error) {
    for reply in replies {
        reply.send(&Err(error.clone()));
    }
}

/// Tells what is to be written from what was written before.
///
/// What can be neither is answered.
async fn sort(shared: &Shared, batch: Vec<Waiting>, end: Instant) -> (Vec<Fresh>, Vec<(EntryDoc, Reply)>) {
    let (mut fresh, mut repeated) = (Vec::with_capacity(batch.len()), Vec::new());
    let batch: Vec<_> = batch
        .into_iter()
        .map(|Waiting { append, reply, .. }| (BoxId::history(&append.conversation), append, reply))
        .collect();
    let with_id = batch.iter().filter_map(|(history, append, _)| {
        given(append).map(|token| (history.clone(), token.message_id.clone()))
    });
    let wanted: Vec<_> = with_id.collect();
    let known =
        timeout_at(call_end::around(end, shared.config.timeout), repetitions::look_up(shared, &wanted)).await;
    let late = |_elapsed| Err(slow(shared, "whether the message id was used before"));
    let mut known = match known.unwrap_or_else(late) {
        Ok(known) => known.into_iter(),
        Err(error) => {
            refuse(batch.into_iter().map(|(_, _, reply)| reply), &error);
            return (fresh, repeated);
        }
    };
    let now_ms = clock::unix_ms();
    for (history, append, reply) in batch {
        let Some(token) = given(&append) else {
            // Nobody can have used an id that was made for this send. Who is told it repeats it.
            let made = |token: &IdempotencyKey| EntryId::of_message(&history, &token.message_id, 0);
            let key = append.token.as_ref().map_or_else(|| EntryId::fresh(now_ms), made);
            fresh.push(Fresh { append, reply, history, key });
            continue;
        };
        match known.next() {
            Some(Ok(Known::Free(key))) => fresh.push(Fresh { append, reply, history, key }),
            Some(Ok(Known::Used(entry))) => match check_repeats(token, &entry) {
                Ok(()) => repeated.push((*entry, reply)),
                Err(conflict) => reply.send(&Err(conflict)),
            },
            Some(Err(error)) => reply.send(&Err(error)),
            // Each message id has an answer.
            None => drop(reply),
        }
    }
    (fresh, repeated)
}

/// Returns what makes a repetition harmless, if the sender gave a message id.
fn given(append: &Append) -> Option<&IdempotencyKey> {
    append.token.as_ref().filter(|token| !token.is_made)
}

/// Reserves the sequences of all boxes of a batch.
///
/// Batches of an audience come here one after the other, so what is sent together, or after an
/// answer, has ascending places.
async fn reserve(
    shared: &Shared,
    fresh: Vec<Fresh>,
    end: Instant,
) -> Result<Vec<(Operation, Reply)>, (Vec<Reply>, Error)> {
    let mut boxes = Boxes::default();
    for send in &fresh {
        boxes.add_send(&send.history, &send.append.recipients);
    }
    let wants = boxes.wants();
    let reserving = reserving::reserve(shared, &wants);
    let reserved = timeout_at(call_end::around(end, shared.config.timeout), reserving).await;
    drop(wants);
    let late = |_elapsed| Err(slow(shared, "where its inboxes and its history end"));
    let mut given = match reserved.unwrap_or_else(late) {
        Ok(reserved) => boxes.reserved(&reserved),
        Err(error) => return Err((fresh.into_iter().map(|send| send.reply).collect(), error)),
    };
    let mut sends = Vec::with_capacity(fresh.len());
    for Fresh { append, reply, history, key } in fresh {
        match given.take_send(&history, &append.recipients) {
            Ok(places) => sends.push((Operation::of_send(append, history, key, places), reply)),
            Err(error) => reply.send(&Err(error)),
        }
    }
    Ok(sends)
}

/// The error of a send of which MongoDB did not say something in time.
fn slow(shared: &Shared, what: &str) -> Error {
    let (address, timeout) = (shared.database.link().address(), shared.config.timeout);
    refused(&format!("mongodb at {address} did not say {what} within {timeout:?}; send again later"))
}
