//! The beings of this process, and what is still to be written of them.
//!
//! ```text
//!  start ──► waiting ──numbered, inserted──► joining ──first bit acknowledged──► living
//!  kill, not started ──► waiting ──────────► killed ───acknowledged──► gone
//!  kill, started ──────────────────────────► killed ───acknowledged──► gone
//!  stop, drop ─────────────────────────────────────────────────────────► gone, at once
//! ```
//!
//! All of it is under one lock, so that a pinger that stops, or is dropped, is gone when that
//! returns, whatever the tasks are at. What waits is bounded by the pingers that there are.

mod kill;

use std::collections::HashMap;
use std::mem::take;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use self::kill::Kill;
use crate::error::{Error, ErrorKind};
use crate::newcomer::{Killed, Newcomer, Purpose, Started};
use crate::slots::{Period, Sequence, SlotBits, TimeSlot, Words};

/// The beings of this process in one namespace.
#[derive(Debug)]
pub(crate) struct LocalBeings {
    period: Period,
    locked: Mutex<Locked>,
    /// Somebody waits for a number.
    pub(crate) newcomers: Notify,
    /// There is something to write at once.
    pub(crate) urgent: Notify,
}

#[derive(Debug, Default)]
struct Locked {
    waiting: Vec<Newcomer>,
    /// How many of those who waited are being numbered.
    numbering: usize,
    joining: Vec<Joining>,
    killed: Vec<Kill>,
    /// The keys of those who live or join.
    keys: HashMap<Sequence, Arc<str>>,
    living: Words,
    /// Whose bits were acknowledged in the slot that was written last.
    acknowledged: Words,
    /// The slot that was written last, acknowledged or not.
    written: Option<TimeSlot>,
    /// The latest slot that was written and not removed: it lies ahead after the server's clock was
    /// set back.
    latest: Option<TimeSlot>,
    /// The last slot in which all who lived were acknowledged.
    complete: Option<TimeSlot>,
    /// The slot in which documents were written again, once: a pruner that was at it just then may
    /// have removed them after that, for half a slot.
    returned: Option<TimeSlot>,
    /// Why the last attempt to write bits failed.
    error: Option<Error>,
    /// Why the last attempt to number somebody failed.
    unnumbered: Option<Error>,
    is_closed: bool,
    /// The tasks have ended: nobody would answer.
    is_abandoned: bool,
}

/// A being whose first bit is not acknowledged yet.
#[derive(Debug)]
struct Joining {
    sequence: Sequence,
    /// The slot in which its document was written.
    since: TimeSlot,
    until: Instant,
    reply: Started,
}

/// What is to be written now.
#[derive(Debug, Default)]
pub(crate) struct Flush {
    /// The bits, by slot: one update for each, and of more than one slot only after a kill.
    pub(crate) writes: Vec<(TimeSlot, SlotBits)>,
    /// Documents of beings that may have been pruned meanwhile.
    pub(crate) beings: Vec<(Sequence, Arc<str>)>,
    slot: Option<TimeSlot>,
    /// How many of the joining and the killed are part of it.
    joining: usize,
    killed: usize,
}

impl LocalBeings {
    pub(crate) fn new(period: Period) -> Self {
        Self { period, locked: Mutex::default(), newcomers: Notify::new(), urgent: Notify::new() }
    }

    /// Takes whoever needs a number.
    pub(crate) fn enter(&self, newcomer: Newcomer) -> Result<(), Error> {
        let mut locked = self.locked.lock();
        if locked.is_closed {
            return Err(Error::shut_down());
        }
        locked.waiting.push(newcomer);
        drop(locked);
        self.newcomers.notify_one();
        Ok(())
    }

    /// Lets a being go silently: it is dead when its bits are too old.
    pub(crate) fn stop(&self, sequence: Sequence) {
        let mut locked = self.locked.lock();
        locked.living.remove(sequence);
        locked.keys.remove(&sequence);
    }

    /// Lets a being go, and has its death written at once.
    pub(crate) fn kill(&self, sequence: Sequence, until: Instant, reply: Killed) -> Result<(), Error> {
        let mut locked = self.locked.lock();
        locked.living.remove(sequence);
        locked.keys.remove(&sequence);
        if locked.is_closed {
            return Err(Error::shut_down());
        }
        // Where its bits are, or may be: all who lived were part of those writes.
        let (last, latest) = (locked.written, locked.latest);
        locked.killed.push(Kill { sequence, last, latest, until, reply });
        drop(locked);
        self.urgent.notify_one();
        Ok(())
    }

    /// Takes no one any more.
    pub(crate) fn close(&self) {
        self.locked.lock().is_closed = true;
        self.newcomers.notify_one();
        self.urgent.notify_one();
    }

    /// Lets go of all who still wait, as the tasks that would answer have been ended: each gets the
    /// error [`lost`].
    pub(crate) fn abandon(&self) {
        let mut locked = self.locked.lock();
        locked.is_closed = true;
        locked.is_abandoned = true;
        let (waiting, joining, killed) =
            (take(&mut locked.waiting), take(&mut locked.joining), take(&mut locked.killed));
        drop(locked);
        // Whoever waits is woken by this, and not under the lock.
        drop((waiting, joining, killed));
    }

    /// Returns whoever waits for a number, at most so many; those who gave up are left out.
    pub(crate) fn waiting(&self, most: usize) -> Vec<Newcomer> {
        let mut locked = self.locked.lock();
        locked.waiting.retain(|newcomer| !newcomer.purpose.is_given_up());
        locked.numbering = locked.waiting.len().min(most);
        let count = locked.numbering;
        if count == 0 {
            // Who waits next is not to be told of a failure of long ago.
            locked.unnumbered = None;
        }
        locked.waiting.drain(..count).collect()
    }

    /// Puts back those who got no number, and tells those whose time is up or who were refused.
    pub(crate) fn put_back(&self, newcomers: Vec<Newcomer>, now: Instant, error: &Error) {
        let (late, mut back): (Vec<_>, Vec<_>) =
            newcomers.into_iter().partition(|newcomer| newcomer.until <= now || is_final(error));
        late.into_iter().for_each(|newcomer| newcomer.purpose.fail(error));
        let mut locked = self.locked.lock();
        locked.numbering = 0;
        if locked.is_abandoned {
            return;
        }
        locked.unnumbered = Some(error.clone());
        back.append(&mut locked.waiting);
        locked.waiting = back;
        drop(locked);
        // Nobody may be left.
        self.urgent.notify_one();
    }

    /// Takes those who have a number and a document, which was written in this slot.
    pub(crate) fn numbered(&self, newcomers: Vec<(Sequence, Newcomer)>, slot: TimeSlot) {
        let mut locked = self.locked.lock();
        locked.numbering = 0;
        if locked.is_abandoned {
            return;
        }
        locked.unnumbered = None;
        for (sequence, Newcomer { key, purpose, until }) in newcomers {
            match purpose {
                // Nobody holds a pinger that could stop it.
                Purpose::Start(reply) if reply.is_closed() => {}
                Purpose::Start(reply) => {
                    locked.living.insert(sequence);
                    locked.keys.insert(sequence, key);
                    locked.joining.push(Joining { sequence, since: slot, until, reply });
                }
                Purpose::Kill(reply) => locked.killed.push(Kill::unpinged(sequence, until, reply)),
            }
        }
        drop(locked);
        self.urgent.notify_one();
    }

    /// Says whether a start or a kill waits to be written, and whether a slot has all bits.
    pub(crate) fn due(&self, slot: TimeSlot) -> Due {
        let locked = self.locked.lock();
        let is_urgent = !locked.joining.is_empty() || !locked.killed.is_empty();
        let is_complete = locked.unacknowledged(slot).is_empty();
        Due { is_urgent, is_complete }
    }

    /// Says whether nobody waits for a number and nobody will.
    pub(crate) fn is_over(&self) -> bool {
        let locked = self.locked.lock();
        locked.is_closed && locked.waiting.is_empty()
    }

    /// Says whether nobody waits for anything and nobody will.
    pub(crate) fn is_left(&self) -> bool {
        let locked = self.locked.lock();
        let is_entered = locked.waiting.is_empty() && locked.numbering == 0;
        locked.is_closed && is_entered && locked.joining.is_empty() && locked.killed.is_empty()
    }

    /// Returns what is to be written in a slot: all bits that it lacks, and all kills.
    pub(crate) fn flush(&self, slot: TimeSlot) -> Flush {
        let mut locked = self.locked.lock();
        locked.give_up();
        let mut writes: HashMap<TimeSlot, SlotBits> = HashMap::new();
        let alive = locked.unacknowledged(slot);
        if !alive.is_empty() {
            writes.entry(slot).or_default().alive = alive;
        }
        for kill in &locked.killed {
            if kill.last.is_none() {
                writes.entry(slot).or_default().alive.insert(kill.sequence);
            }
            for at in kill.slots(self.period, slot) {
                writes.entry(at).or_default().dead.insert(kill.sequence);
            }
        }
        let beings = if locked.may_be_pruned(self.period, slot) {
            locked.keys.iter().map(|(sequence, key)| (*sequence, Arc::clone(key))).collect()
        } else {
            Vec::new()
        };
        locked.begin(slot);
        let (joining, killed) = (locked.joining.len(), locked.killed.len());
        Flush { writes: writes.into_iter().collect(), beings, slot: Some(slot), joining, killed }
    }

    /// Takes note that all of it was acknowledged, and tells whoever waited.
    pub(crate) fn written(&self, flush: &Flush) {
        let mut locked = self.locked.lock();
        locked.error = None;
        for (slot, bits) in &flush.writes {
            if Some(*slot) == locked.written {
                locked.acknowledged.merge(&bits.alive);
            }
        }
        if !flush.beings.is_empty() {
            locked.returned = if locked.returned.is_some() { None } else { flush.slot };
        }
        if flush.slot.is_some_and(|slot| locked.unacknowledged(slot).is_empty()) {
            locked.complete = flush.slot;
        }
        // There are fewer only if they were abandoned meanwhile.
        let (joined, killed) =
            (flush.joining.min(locked.joining.len()), flush.killed.min(locked.killed.len()));
        let joined: Vec<Joining> = locked.joining.drain(..joined).collect();
        let killed: Vec<Kill> = locked.killed.drain(..killed).collect();
        for Joining { sequence, reply, .. } in joined {
            if reply.send(Ok(sequence)).is_err() {
                // The start was given up: nobody holds a pinger that could stop it.
                locked.living.remove(sequence);
                locked.keys.remove(&sequence);
            }
        }
        drop(locked);
        for kill in killed {
            // Nobody may wait any more; it is dead all the same.
            drop(kill.reply.send(Ok(())));
        }
    }

    /// Takes note that it failed, and tells those whose time is up or who were refused.
    pub(crate) fn failed(&self, now: Instant, error: &Error) {
        let mut locked = self.locked.lock();
        locked.error = Some(error.clone());
        let (late, joining): (Vec<_>, Vec<_>) = take(&mut locked.joining)
            .into_iter()
            .partition(|joining| joining.until <= now || is_final(error));
        locked.joining = joining;
        for Joining { sequence, reply, .. } in late {
            locked.living.remove(sequence);
            locked.keys.remove(&sequence);
            // A start that was given up is over anyhow.
            drop(reply.send(Err(error.clone())));
        }
        let (late, killed): (Vec<_>, Vec<_>) =
            take(&mut locked.killed).into_iter().partition(|kill| kill.until <= now || is_final(error));
        locked.killed = killed;
        for kill in late {
            drop(kill.reply.send(Err(error.clone())));
        }
    }

    /// Takes note that the slots after this one were removed, as they lay ahead.
    pub(crate) fn nothing_after(&self, slot: TimeSlot) {
        let mut locked = self.locked.lock();
        let last = locked.written.max(Some(slot));
        locked.latest = locked.latest.min(last);
    }

    /// Returns why the bits of this process are not acknowledged, if so.
    pub(crate) fn error(&self) -> Option<Error> {
        self.locked.lock().error.clone()
    }

    /// Returns why the last attempt of what a start or a kill waits for failed, if it did.
    pub(crate) fn last_failure(&self) -> Option<Error> {
        let locked = self.locked.lock();
        locked.unnumbered.clone().or_else(|| locked.error.clone())
    }

    /// Returns how many pingers ping.
    pub(crate) fn living(&self) -> usize {
        self.locked.lock().keys.len()
    }
}

/// What there is to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    /// Somebody waits for a start or a kill.
    pub(crate) is_urgent: bool,
    /// The slot has the bits of all who live.
    pub(crate) is_complete: bool,
}

impl Locked {
    /// Returns those who live and whose bit in a slot is not acknowledged.
    fn unacknowledged(&self, slot: TimeSlot) -> Words {
        if self.written == Some(slot) { self.living.without(&self.acknowledged) } else { self.living.clone() }
    }

    /// From now on a slot is the one that is written.
    fn begin(&mut self, slot: TimeSlot) {
        if self.written != Some(slot) {
            self.written = Some(slot);
            self.acknowledged = Words::default();
            self.latest = self.latest.max(Some(slot));
        }
    }

    /// Leaves out starts that nobody waits for any more.
    fn give_up(&mut self) {
        let joining = take(&mut self.joining);
        for joining in joining {
            if joining.reply.is_closed() {
                self.living.remove(joining.sequence);
                self.keys.remove(&joining.sequence);
            } else {
                self.joining.push(joining);
            }
        }
    }

    /// Says whether documents of those who live may have been pruned: they had no bit in the slots
    /// that a pruner looks at.
    fn may_be_pruned(&self, period: Period, slot: TimeSlot) -> bool {
        let is_old = |last: TimeSlot| last < period.later(slot, -2);
        let are_some_old = self.keys.len() > self.joining.len();
        let are_some_slow = self.joining.iter().any(|joining| joining.since < period.before(slot));
        let are_twice = self.returned.is_some_and(|returned| returned < period.before(slot));
        are_some_slow || are_twice || are_some_old && self.complete.is_some_and(is_old)
    }
}

/// Says whether trying again is of no use to whoever waits.
fn is_final(error: &Error) -> bool {
    error.kind() == ErrorKind::Refused
}

/// The error of what was in the hands of a task that is gone.
pub(crate) fn lost() -> Error {
    let message = "the task that writes pings was interrupted; whether the call took effect is open";
    Error::new(ErrorKind::Unavailable, message)
}

#[cfg(test)]
mod tests;
