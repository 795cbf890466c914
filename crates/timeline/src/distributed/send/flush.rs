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

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use mongo_link::Backoff;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::HOLD;
use super::batch::Boxes;
use super::claims;
use super::insert::{Inserted, close_places, insert_entries};
use super::operation::{Operation, find_entries};
use super::repetitions::{Reply, check_repeats, is_gone};
use super::spread::{Delivery, WAIT_FIRST, WAIT_MAX, contended, spread, unknown};
use crate::distributed::box_id::{BoxId, Side};
use crate::distributed::clock;
use crate::distributed::documents::{EntryDoc, IntentKind, IntentOp};
use crate::distributed::intents::Noted;
use crate::distributed::rows::{self, RowEntry};
use crate::distributed::shared::Shared;
use crate::{Error, ErrorKind, MemberId, Result, Seq};

/// After how long an intent is noted again before something is begun.
///
/// Other nodes end what is older than the grace and 5 s.
const NOTED_MAX: Duration = Duration::from_secs(2);

/// A batch that is being written.
pub(super) struct Flush {
    shared: Arc<Shared>,
    closing: CancellationToken,
    operations: Vec<Operation>,
    // By operation, as the next two.
    replies: Vec<Option<Reply>>,
    steps: Vec<Step>,
    /// When the sequences of entries that are not there yet were reserved.
    reserved_at: Instant,
    /// When callers are answered at the latest.
    end: Instant,
    delivery: Delivery,
    /// The operations whose rows are to be entered.
    rows_due: Vec<usize>,
    /// Places that were given out in vain.
    vacant: Vec<(BoxId, Seq)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Entry,
    Copies,
    Ended,
}

/// Completes sends that were made before, and gives them their first answers.
pub(super) async fn answer_again(shared: Arc<Shared>, sends: Vec<(EntryDoc, Reply)>) {
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
}

impl Flush {
    pub(super) fn new(
        shared: Arc<Shared>,
        closing: CancellationToken,
        sends: Vec<(Operation, Reply)>,
        reserved_at: Instant,
        end: Instant,
    ) -> Self {
        let (operations, replies): (Vec<_>, Vec<_>) =
            sends.into_iter().map(|(operation, reply)| (operation, Some(reply))).unzip();
        let steps = vec![Step::Entry; operations.len()];
        Self {
            shared,
            closing,
            operations,
            replies,
            steps,
            reserved_at,
            end,
            delivery: Delivery::default(),
            rows_due: Vec::new(),
            vacant: Vec::new(),
        }
    }

    /// Writes the batch to its end; `permit` is given back when its callers are answered.
    pub(super) async fn run(mut self, permit: OwnedSemaphorePermit) {
        let begun = Instant::now();
        let mut noted = match self.note().await {
            Ok(noted) => noted,
            Err(error) => {
                drop(permit);
                return self.abandon(&error).await;
            }
        };
        let written = self.write(&mut noted, self.end).await;
        metrics::histogram!("timeline_batch_seconds").record(begun.elapsed().as_secs_f64());
        drop(permit);
        if let Err(error) = written {
            self.leave_open(&error);
            self.go_on(&mut noted).await;
        }
        self.close_vacant().await;
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
        metrics::counter!("timeline_unknown_outcomes_total").increment(open.len() as u64);
        tracing::warn!(
            "mongodb did not say in time whether {} messages are stored; their senders are told to repeat them: \
             {error:#}",
            open.len()
        );
        let error = unknown(error);
        for reply in open {
            reply.send(&Err(error.clone()));
        }
    }

    /// Writes on in the background, until all has ended or the store is shut down.
    async fn go_on(&mut self, noted: &mut Noted) {
        let mut backoff = Backoff::new(WAIT_FIRST, WAIT_BACKGROUND_MAX);
        while !self.has_ended() {
            tokio::select! {
                () = sleep(backoff.failed()) => {}
                // Another node ends it then.
                () = self.closing.cancelled() => return,
            }
            if let Err(error) = self.write(noted, Instant::now() + self.shared.config.timeout).await {
                tracing::debug!("messages of unknown outcome are not ended yet: {error:#}");
            }
        }
    }

    fn has_ended(&self) -> bool {
        self.steps.iter().all(|step| *step == Step::Ended)
    }

    /// Writes until all has ended or time is up.
    ///
    /// What is there goes on to its end while other entries are still tried.
    async fn write(&mut self, noted: &mut Noted, until: Instant) -> Result<()> {
        let mut backoff = Backoff::new(WAIT_FIRST, WAIT_MAX);
        loop {
            let entries = self.attempt_entries(noted).await;
            let copies = self.attempt_copies().await;
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

    /// Tries once to write the entries that are not there yet into their histories.
    async fn attempt_entries(&mut self, noted: &mut Noted) -> Result<()> {
        if !self.steps.contains(&Step::Entry) {
            return Ok(());
        }
        // The order matters: an intent that others may have taken for that of a dead node, and a
        // sequence that readers may have passed, are made anew before anything is written.
        if noted.age() > NOTED_MAX {
            noted.renew().await?;
        }
        if self.reserved_at.elapsed() > HOLD / 2 {
            self.reserve_anew().await?;
        }
        let open = self.open();
        let entries = open.iter().map(|at| self.operations[*at].entry.clone()).collect();
        let inserted = insert_entries(&self.shared.database, Side::History, entries).await;
        let (mut there, mut taken, mut failure) = (Vec::new(), Vec::new(), Ok(()));
        for (at, inserted) in open.into_iter().zip(inserted) {
            match inserted {
                Inserted::Written => self.stored(at, Some(self.reserved_at)),
                Inserted::IsThere => there.push(at),
                Inserted::Taken => taken.push(at),
                Inserted::Refused(error) => self.give_up(at, &error),
                Inserted::Unknown(error) => failure = Err(error),
            }
        }
        self.meet(&there).await?;
        self.move_entries(&taken).await?;
        failure
    }

    fn open(&self) -> Vec<usize> {
        (0..self.steps.len()).filter(|at| self.steps[*at] == Step::Entry).collect()
    }

    /// Notes that an entry is in its history, durably.
    fn stored(&mut self, at: usize, reserved_at: Option<Instant>) {
        let operation = &self.operations[at];
        self.shared.sequencer.seen(&operation.history, operation.entry.seq, operation.entry.entry.at_ms);
        self.delivery.add(at, operation, reserved_at);
        self.rows_due.push(at);
        self.steps[at] = Step::Copies;
    }

    /// Ends an operation whose entry is not there, and will not be.
    fn give_up(&mut self, at: usize, error: &Error) {
        self.vacate(at);
        self.steps[at] = Step::Ended;
        if let Some(reply) = self.replies[at].take() {
            reply.send(&Err(error.clone()));
        }
    }

    /// Notes that the places of an operation were given out in vain.
    fn vacate(&mut self, at: usize) {
        let (entry, copies) = self.operations[at].places();
        self.shared.teller.given_up(&copies);
        self.vacant.extend(entry);
        self.vacant.extend(copies.into_iter().map(|(member, seq)| (BoxId::inbox(&member), seq)));
    }

    async fn close_vacant(&mut self) {
        let vacant = mem::take(&mut self.vacant);
        let (inboxes, histories): (Vec<_>, Vec<_>) =
            vacant.into_iter().partition(|(boxed, _)| boxed.side() == Side::Inbox);
        for (side, places) in [(Side::History, histories), (Side::Inbox, inboxes)] {
            if !places.is_empty() {
                close_places(&self.shared.database, side, places).await;
            }
        }
    }

    /// Looks at entries that are there already: from an earlier attempt, or a repetition.
    async fn meet(&mut self, there: &[usize]) -> Result<()> {
        let wanted = there.iter().map(|at| &self.operations[*at]);
        let wanted = wanted.map(|operation| (&operation.history, operation.entry.key));
        let found = find_entries(&self.shared, wanted).await?;
        let mut found: HashMap<_, _> = found.into_iter().map(|entry| (entry.key, entry)).collect();
        for at in there {
            // One that is not found was taken back by a rollback, and is tried again.
            if let Some(entry) = found.remove(&self.operations[*at].entry.key) {
                self.meet_one(*at, entry).await?;
            }
        }
        Ok(())
    }

    async fn meet_one(&mut self, at: usize, entry: EntryDoc) -> Result<()> {
        let operation = &self.operations[at];
        if entry.record == operation.entry.record {
            // No other send has these sequences: an earlier attempt of this one arrived.
            if entry.seq != operation.entry.seq {
                self.vacant.push((operation.history.clone(), operation.entry.seq));
            }
            self.operations[at].entry = entry;
            self.stored(at, Some(self.reserved_at));
            return Ok(());
        }
        if let Some(token) = operation.token() {
            if is_gone(&self.shared, &entry).await? {
                let text = "the message id was used meanwhile for a message that is gone; send again";
                self.give_up(at, &Error::new(ErrorKind::Unavailable, text));
                return Ok(());
            }
            if let Err(conflict) = check_repeats(&token, &entry) {
                self.give_up(at, &conflict);
                return Ok(());
            }
        }
        // Another node was faster with the same send, or this one with other sequences: what is
        // there counts, and its copies may be there, too.
        self.vacate(at);
        self.operations[at].entry = entry;
        self.stored(at, None);
        Ok(())
    }

    /// Gives entries new places, where others have theirs.
    async fn move_entries(&mut self, taken: &[usize]) -> Result<()> {
        let (mut boxes, mut moving) = (Boxes::default(), Vec::new());
        for at in taken {
            if !claims::waits(&self.shared, &mut self.operations[*at]).await? {
                boxes.add(self.operations[*at].history.clone());
                moving.push(*at);
            }
        }
        if moving.is_empty() {
            return Ok(());
        }
        let reserved = self.shared.sequencer.again(&boxes.wants(), clock::unix_ms()).await?;
        let mut given = boxes.reserved(&reserved);
        for at in moving {
            let operation = &mut self.operations[at];
            let (place, at_ms) = given.take(&operation.history)?;
            operation.move_entry(place, at_ms);
        }
        Ok(())
    }

    /// Reserves all sequences of entries again that are not there.
    async fn reserve_anew(&mut self) -> Result<()> {
        let unsure = self.open();
        self.meet(&unsure).await?;
        let open = self.open();
        let mut boxes = Boxes::default();
        for operation in open.iter().map(|at| &self.operations[*at]) {
            boxes.add_send(&operation.history, operation.copies().map(|(member, _)| member));
        }
        let now = Instant::now();
        let reserved = self.shared.sequencer.reserve(&boxes.wants(), clock::unix_ms()).await?;
        let mut given = boxes.reserved(&reserved);
        let mut copies: Vec<(MemberId, Seq)> = Vec::new();
        for at in open {
            let operation = &mut self.operations[at];
            self.shared.teller.given_up(&operation.places().1);
            let members = operation.copies().map(|(member, _)| member);
            let places = given.take_send(&operation.history, members)?;
            operation.move_to(places);
            copies.extend(operation.places().1);
        }
        self.shared.teller.reserved(&copies);
        self.reserved_at = now;
        Ok(())
    }

    /// Tries once to write the copies and rows of entries that are there, and answers.
    async fn attempt_copies(&mut self) -> Result<()> {
        if !self.steps.contains(&Step::Copies) {
            return Ok(());
        }
        let (shared, operations) = (&*self.shared, self.operations.as_slice());
        let rows = self.rows_due.iter().flat_map(|at| operations[*at].rows()).collect();
        let (copied, entered) = tokio::join!(self.delivery.attempt(shared, operations), enter(shared, rows));
        // Without their rows, members would not find the conversation in their lists.
        entered?;
        self.rows_due.clear();
        for at in 0..self.operations.len() {
            if self.steps[at] == Step::Copies
                && let Some(sequences) = self.delivery.sequences(at)
            {
                self.steps[at] = Step::Ended;
                if let Some(reply) = self.replies[at].take() {
                    reply.send(&Ok(self.operations[at].answer(&sequences)));
                }
            }
        }
        copied
    }
}

async fn enter(shared: &Shared, rows: Vec<RowEntry>) -> Result<()> {
    if rows.is_empty() { Ok(()) } else { rows::enter(shared, rows).await }
}

/// The longest wait between two attempts in the background.
const WAIT_BACKGROUND_MAX: Duration = Duration::from_secs(5);
