//! Copies of entries, written by whoever comes first, as often as it takes.
//!
//! A copy has one `_id` in every attempt of every node, so it is there once at most. Its sequence
//! was reserved for it; who finds another entry there takes a new one.
//!
//! ```text
//!  reserved a moment ago ──► insert ──┬─► written, or there already
//!        ▲                            ├─► place taken ──► new sequence ──┐
//!        │                            ├─► refused: failed                │
//!        │                            └─► unknown ──► wait ──────────────┤
//!        └────────────────────────────────────────────────────────────────┘
//!  reserved long ago, or by others ──► look: there, freed, place taken, or as above
//! ```
//!
//! What was reserved long ago may lie below a floor, where an insert would succeed unseen: the
//! reader is past it. So it is looked up first, and what is found holds for [`USABLE`].

mod places;

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use mongo_link::Backoff;
use tokio::time::{Instant, sleep};

use super::batch::Boxes;
use super::insert::{Inserted, close_holes, insert_entries};
use super::operation::Operation;
use crate::distributed::box_id::{BoxId, Side};
use crate::distributed::documents::EntryDoc;
use crate::distributed::entry_id::EntryId;
use crate::distributed::hold::USABLE;
use crate::distributed::moment::Moment;
use crate::distributed::reserving;
use crate::distributed::shared::Shared;
use crate::{Entry, Error, ErrorKind, MemberId, Result, Seq};

/// How long the waits between two attempts are: the first, and any.
pub(super) const WAIT_FIRST: Duration = Duration::from_millis(20);
pub(super) const WAIT_MAX: Duration = Duration::from_millis(500);

/// The copies of several operations, until it is known of each where it is.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    copies: Vec<InboxCopy>,
    /// Which copies belong to an operation, by its number.
    of_operation: HashMap<usize, Range<usize>>,
}

#[derive(Debug)]
struct InboxCopy {
    operation: usize,
    member: MemberId,
    /// The sequence that it has, or is to get.
    seq: Seq,
    /// Since when that sequence is known to be above the floor, or free.
    known_at: Option<Moment>,
    fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Open,
    There,
    Failed,
}

impl InboxCopy {
    /// Returns whether the place may lie below the floor, or have this copy, unseen.
    fn is_unsure(&self, now: Moment) -> bool {
        self.known_at.is_none_or(|known_at| now.since(known_at) > USABLE)
    }
}

impl Delivery {
    /// Adds the copies of an operation.
    ///
    /// `reserved_at` says when this process reserved their sequences.
    pub(super) fn add(&mut self, at: usize, operation: &Operation, reserved_at: Option<Moment>) {
        let begin = self.copies.len();
        self.copies.extend(operation.copies().map(|(member, seq)| InboxCopy {
            operation: at,
            member: member.clone(),
            seq,
            known_at: reserved_at,
            fate: Fate::Open,
        }));
        self.of_operation.insert(at, begin..self.copies.len());
    }

    /// Returns where the copies of an operation are; none while some of them are open.
    pub(super) fn sequences(&self, operation: usize) -> Option<Vec<Option<Seq>>> {
        let copies = self.copies.get(self.of_operation.get(&operation)?.clone())?;
        let sequence = |copy: &InboxCopy| match copy.fate {
            Fate::Open => None,
            Fate::There => Some(Some(copy.seq)),
            Fate::Failed => Some(None),
        };
        copies.iter().map(sequence).collect()
    }

    /// Returns which copies of an operation are not there yet, in the order of its members.
    pub(super) fn missing(&self, operation: usize) -> Vec<bool> {
        let copies = self.of_operation.get(&operation).and_then(|range| self.copies.get(range.clone()));
        copies.into_iter().flatten().map(|copy| copy.fate == Fate::Open).collect()
    }

    /// Writes what is open, again and again until nothing is or time is up.
    pub(super) async fn run(
        &mut self,
        shared: &Shared,
        operations: &[Operation],
        until: Instant,
    ) -> Result<()> {
        let mut backoff = Backoff::new(WAIT_FIRST, WAIT_MAX);
        loop {
            let attempt = self.attempt(shared, operations).await;
            if self.open(|_| true).is_empty() {
                return Ok(());
            }
            let wait = backoff.failed();
            if Instant::now() + wait >= until {
                return Err(attempt.err().unwrap_or_else(contended));
            }
            sleep(wait).await;
        }
    }

    /// Looks up what is there already, until that is known or time is up.
    pub(super) async fn look(
        &mut self,
        shared: &Shared,
        operations: &[Operation],
        until: Instant,
    ) -> Result<()> {
        let mut backoff = Backoff::new(WAIT_FIRST, WAIT_MAX);
        loop {
            let Err(error) = self.look_up(shared, operations).await else { return Ok(()) };
            let wait = backoff.failed();
            if Instant::now() + wait >= until {
                return Err(error);
            }
            sleep(wait).await;
        }
    }

    /// Tries once to write what is open.
    pub(super) async fn attempt(&mut self, shared: &Shared, operations: &[Operation]) -> Result<()> {
        self.look_up(shared, operations).await?;
        let open = self.open(|_| true);
        if open.is_empty() {
            return Ok(());
        }
        let entries = open.iter().map(|at| self.entry(operations, *at)).collect();
        let inserted = insert_entries(&shared.database, Side::Inbox, entries).await;
        let (mut written, mut there, mut taken, mut vacant) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut failure = Ok(());
        for (at, inserted) in open.into_iter().zip(inserted) {
            match inserted {
                Inserted::Written => written.push((at, self.copies[at].seq)),
                Inserted::IsThere => there.push(at),
                Inserted::Taken => taken.push(at),
                Inserted::Refused(error) => {
                    self.refused(shared, at, &error);
                    vacant.push(at);
                }
                Inserted::Unknown(error) => failure = Err(error),
            }
        }
        if !there.is_empty() {
            // An earlier attempt arrived, maybe under another sequence.
            match self.find(shared, operations, &there).await {
                Ok(found) => {
                    vacant.extend(
                        found.iter().filter(|(at, seq)| self.copies[*at].seq != *seq).map(|(at, _)| *at),
                    );
                    written.extend(found);
                }
                Err(error) => failure = Err(error),
            }
        }
        let holes: Vec<_> = vacant.iter().map(|at| self.hole(operations, *at)).collect();
        self.tell(shared, operations, &written);
        if !holes.is_empty() {
            close_holes(&shared.database, Side::Inbox, holes).await;
        }
        self.renumber(shared, &taken).await?;
        failure
    }

    /// Notes that copies are there, and tells everybody of them.
    fn tell(&mut self, shared: &Shared, operations: &[Operation], written: &[(usize, Seq)]) {
        let mut news: Vec<(MemberId, Entry)> = Vec::with_capacity(written.len());
        let mut given_up = Vec::new();
        for (at, seq) in written {
            let copy = &mut self.copies[*at];
            if copy.seq != *seq {
                given_up.push((copy.member.clone(), copy.seq));
            }
            (copy.seq, copy.fate) = (*seq, Fate::There);
            news.push((copy.member.clone(), self.entry(operations, *at).entry));
        }
        for (member, entry) in &news {
            shared.sequencer.seen(&BoxId::inbox(member), entry.sequence, entry.at_ms);
        }
        if !given_up.is_empty() {
            shared.teller.given_up(&given_up);
        }
        if !news.is_empty() {
            shared.teller.committed(news);
        }
    }

    fn refused(&mut self, shared: &Shared, at: usize, error: &Error) {
        let copy = &mut self.copies[at];
        copy.fate = Fate::Failed;
        tracing::warn!(member = copy.member.as_str(), "an inbox did not take a message: {error:#}");
        shared.teller.given_up(&[(copy.member.clone(), copy.seq)]);
    }

    /// Gives copies new sequences, whose places other entries have.
    async fn renumber(&mut self, shared: &Shared, taken: &[usize]) -> Result<()> {
        if taken.is_empty() {
            return Ok(());
        }
        let mut boxes = Boxes::default();
        for at in taken {
            boxes.add(BoxId::inbox(&self.copies[*at].member));
        }
        let now = Moment::now();
        let reserved = reserving::reserve_again(shared, &boxes.wants()).await?;
        let mut given = boxes.reserved(&reserved);
        let mut before = Vec::with_capacity(taken.len());
        for at in taken {
            let copy = &mut self.copies[*at];
            before.push((copy.member.clone(), copy.seq));
            (copy.seq, copy.known_at) = (given.take(&BoxId::inbox(&copy.member))?.0, Some(now));
        }
        shared.teller.given_up(&before);
        Ok(())
    }

    fn open(&self, is_wanted: impl Fn(&InboxCopy) -> bool) -> Vec<usize> {
        let open = |(_, copy): &(usize, &InboxCopy)| copy.fate == Fate::Open && is_wanted(copy);
        self.copies.iter().enumerate().filter(open).map(|(at, _)| at).collect()
    }

    fn entry(&self, operations: &[Operation], at: usize) -> EntryDoc {
        let copy = &self.copies[at];
        operations[copy.operation].entry.copy_for(&copy.member, copy.seq)
    }

    fn hole(&self, operations: &[Operation], at: usize) -> EntryDoc {
        let copy = &self.copies[at];
        operations[copy.operation].hole_of_copy(&copy.member, copy.seq)
    }

    fn key(&self, operations: &[Operation], at: usize) -> EntryId {
        let copy = &self.copies[at];
        operations[copy.operation].entry.copy_key(&copy.member)
    }
}

/// The error of an operation that found its places taken, as long as it tried.
pub(super) fn contended() -> Error {
    let text = "other nodes took each place of the message before it was there";
    Error::new(ErrorKind::Unavailable, text)
}

#[cfg(test)]
mod tests;
