//! One batch, from its reserved sequences to the answers.
//!
//! ```text
//!  step      meaning                                        next
//!  Entry     its entry is not known to be in the history    Copies, or Ended with an error
//!  Copies    the entry is there; copies or rows are open    Ended
//!  Ended     answered
//! ```
//!
//! What is not ended when time is up is answered as an unknown outcome, and goes on in the
//! background, as its entry may arrive at any time, and copies have to follow then.

mod copies;
mod entries;
mod times;

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use mongo_link::Backoff;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::delivery::{Delivery, WAIT_FIRST, WAIT_MAX, contended};
use super::insert::close_holes;
use super::metrics;
use super::operation::Operation;
use super::repetitions::Reply;
use super::spread::{spread, unknown};
use crate::distributed::box_id::Side;
use crate::distributed::call_end;
use crate::distributed::documents::{EntryDoc, IntentKind, IntentOp};
use crate::distributed::intents::Noted;
use crate::distributed::moment::Moment;
use crate::distributed::shared::Shared;
use crate::{Error, ErrorKind, Result};

/// How many batches go on in the background at a time.
///
/// There are many only while a primary takes writes which no majority confirms.
const BACKGROUND_MAX: usize = 32;

/// How batches go on whose callers were told that the outcome is unknown. Cloning shares it.
#[derive(Debug, Clone)]
pub(super) struct Background {
    places: Arc<Semaphore>,
    /// Ends them: other nodes go on then.
    pub(super) closing: CancellationToken,
}

impl Background {
    pub(super) fn new(closing: CancellationToken) -> Self {
        Self { places: Arc::new(Semaphore::new(BACKGROUND_MAX)), closing }
    }
}

/// A batch that is being written.
pub(super) struct Flush {
    shared: Arc<Shared>,
    background: Background,
    operations: Vec<Operation>,
    // By operation, as the next two.
    replies: Vec<Option<Reply>>,
    phases: Vec<Phase>,
    /// When the sequences of entries that are not there yet were reserved.
    reserved_at: Moment,
    /// When its steps end; its callers are answered soon after.
    end: Instant,
    delivery: Delivery,
    /// The operations whose times were not compared with those of their groups yet.
    undated: Vec<usize>,
    /// The operations whose rows are to be entered.
    rows_due: Vec<usize>,
    /// What closes places that were given out in vain: in histories, and in inboxes.
    vacant: (Vec<EntryDoc>, Vec<EntryDoc>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Entry,
    Copies,
    Ended,
}

/// Completes sends that were made before, and gives them their first answers.
///
/// What is held is given back after that.
pub(super) async fn answer_again(
    shared: Arc<Shared>,
    sends: Vec<(EntryDoc, Reply)>,
    held: Option<OwnedSemaphorePermit>,
) {
    let (mut operations, mut replies) = (Vec::with_capacity(sends.len()), Vec::with_capacity(sends.len()));
    for (entry, reply) in sends {
        match Operation::stored(entry) {
            Ok(operation) => {
                operations.push(operation);
                replies.push(reply);
            }
            Err(error) => reply.send(&Err(error)),
        }
    }
    let sequences = spread(&shared, &operations).await;
    for ((operation, reply), sequences) in operations.iter().zip(replies).zip(sequences) {
        reply.send(&sequences.map(|sequences| operation.answer(&sequences)));
    }
    drop(held);
}

impl Flush {
    pub(super) fn new(
        shared: Arc<Shared>,
        background: Background,
        sends: Vec<(Operation, Reply)>,
        reserved_at: Moment,
        end: Instant,
    ) -> Self {
        let (operations, replies): (Vec<_>, Vec<_>) =
            sends.into_iter().map(|(operation, reply)| (operation, Some(reply))).unzip();
        let phases = vec![Phase::Entry; operations.len()];
        Self {
            shared,
            background,
            operations,
            replies,
            phases,
            reserved_at,
            end,
            delivery: Delivery::default(),
            undated: Vec::new(),
            rows_due: Vec::new(),
            vacant: (Vec::new(), Vec::new()),
        }
    }

    /// Writes the batch to its end.
    ///
    /// `permit` is given back when its callers are answered.
    pub(super) async fn run(mut self, permit: OwnedSemaphorePermit) {
        let (begun, end) = (Instant::now(), self.end);
        // What is late within it says why before this is over.
        let around = call_end::around(end, self.shared.config.timeout);
        let noted = timeout_at(around, call_end::until(end, self.note())).await;
        let mut noted = match noted.unwrap_or_else(|_elapsed| Err(late())) {
            Ok(noted) => noted,
            Err(error) => {
                drop(permit);
                return self.abandon(&error).await;
            }
        };
        // An attempt that is cut off is begun again, and finds what it wrote.
        let written = timeout_at(around, call_end::until(end, self.write(&mut noted, end))).await;
        let written = written.unwrap_or_else(|_elapsed| Err(late()));
        metrics::written(begun.elapsed());
        drop(permit);
        if let Err(error) = written {
            self.leave_open(&error);
        }
        self.close_vacant().await;
        // Who finds no place leaves it to the task that ends what others began, and holds no texts.
        if !self.has_ended()
            && let Ok(place) = Arc::clone(&self.background.places).try_acquire_owned()
        {
            self.go_on(&mut noted).await;
            self.close_vacant().await;
            drop(place);
        }
        if self.has_ended() {
            noted.done();
        }
    }

    /// Notes what is about to be written.
    async fn note(&self) -> Result<Noted> {
        let op = |operation: &Operation| IntentOp {
            kind: IntentKind::Send,
            history: operation.history.clone(),
            seq: operation.entry.seq,
            key: Some(operation.entry.key),
        };
        let ops: Vec<_> = self.operations.iter().map(op).collect();
        let mut backoff = Backoff::new(WAIT_FIRST, WAIT_MAX);
        loop {
            let error = match self.shared.intents.note(ops.clone()).await {
                Ok(noted) => return Ok(noted),
                Err(error) => error,
            };
            let wait = backoff.failed();
            if Instant::now() + wait >= self.end {
                return Err(error);
            }
            sleep(wait).await;
        }
    }

    /// Answers that nothing was stored, which is certain.
    async fn abandon(mut self, error: &Error) {
        let text = format!("the message was not stored: {error}");
        let error = Error::with_source(ErrorKind::Unavailable, text, error.clone());
        for at in 0..self.operations.len() {
            self.give_up(at, &error);
        }
        self.close_vacant().await;
    }

    /// Answers what is not ended; it goes on all the same.
    fn leave_open(&mut self, error: &Error) {
        let open: Vec<_> = self.replies.iter_mut().filter_map(Option::take).collect();
        if open.is_empty() {
            return;
        }
        self.shared.episodes.unknown_outcomes(open.len(), error);
        let error = unknown(error);
        for reply in open {
            reply.send(&Err(error.clone()));
        }
    }

    /// Writes on in the background, until all has ended or the store is shut down.
    async fn go_on(&mut self, noted: &mut Noted) {
        let (closing, stop) = (self.background.closing.clone(), self.shared.stop.clone());
        let mut backoff = Backoff::new(WAIT_FIRST, WAIT_BACKGROUND_MAX);
        while !self.has_ended() {
            let until = Instant::now() + self.shared.config.timeout;
            let attempt = async {
                sleep(backoff.failed()).await;
                call_end::until(until, self.write(noted, until)).await
            };
            let written = tokio::select! {
                written = attempt => written,
                // Another node ends it then.
                () = closing.cancelled() => return,
                () = stop.cancelled() => return,
            };
            if let Err(error) = written {
                tracing::debug!("messages of unknown outcome are not ended yet: {error:#}");
            }
        }
    }

    fn has_ended(&self) -> bool {
        self.phases.iter().all(|step| *step == Phase::Ended)
    }

    /// Writes until all has ended or time is up.
    ///
    /// What is there goes on to its end while other entries are still tried.
    async fn write(&mut self, noted: &mut Noted, until: Instant) -> Result<()> {
        let mut backoff = Backoff::new(WAIT_FIRST, WAIT_MAX);
        loop {
            let entries = self.attempt_entries(noted).await;
            // The order matters: copies have the times of their entries.
            let copies = if self.undated.is_empty() { self.attempt_copies(noted).await } else { Ok(()) };
            if self.has_ended() {
                return Ok(());
            }
            let wait = backoff.failed();
            if Instant::now() + wait >= until {
                return Err(entries.and(copies).err().unwrap_or_else(contended));
            }
            sleep(wait).await;
        }
    }

    /// Notes that an entry is in its history, durably.
    fn stored(&mut self, at: usize, reserved_at: Option<Moment>) {
        let operation = &self.operations[at];
        self.shared.sequencer.seen(&operation.history, operation.entry.seq, operation.entry.entry.at_ms);
        self.delivery.add(at, operation, reserved_at);
        self.undated.push(at);
        self.rows_due.push(at);
        self.phases[at] = Phase::Copies;
    }

    /// Ends an operation whose entry is not there, and will not be.
    fn give_up(&mut self, at: usize, error: &Error) {
        self.vacate(at);
        self.phases[at] = Phase::Ended;
        if let Some(reply) = self.replies[at].take() {
            reply.send(&Err(error.clone()));
        }
    }

    /// Notes that the places of an operation were given out in vain.
    fn vacate(&mut self, at: usize) {
        let operation = &self.operations[at];
        self.shared.teller.given_up(&operation.reserved());
        self.vacant.0.push(operation.hole());
        self.vacant.1.extend(operation.copies().map(|(member, seq)| operation.hole_of_copy(member, seq)));
    }

    async fn close_vacant(&mut self) {
        let (histories, inboxes) = mem::take(&mut self.vacant);
        for (side, holes) in [(Side::History, histories), (Side::Inbox, inboxes)] {
            if !holes.is_empty() {
                close_holes(&self.shared.database, side, holes).await;
            }
        }
    }
}

fn late() -> Error {
    Error::new(ErrorKind::Unavailable, "mongodb did not confirm it in time")
}

/// The longest wait between two attempts in the background.
const WAIT_BACKGROUND_MAX: Duration = Duration::from_secs(5);
