//! The one thread that writes.
//!
//! It drains the queue, commits, hands over what is new, and answers.

mod ahead;
mod answering;
mod desk;
mod job;
mod tidying;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;
use std::{mem, slice};

use fjall::Slice;
use parking_lot::MutexGuard;
use tokio::sync::mpsc::error::TryRecvError;

pub(super) use self::ahead::{PlanningAhead, run as run_planning};
use self::answering::FEW;
pub(super) use self::answering::{ANSWERED_MAX, Answered, Answering, run as run_answering};
pub(super) use self::desk::PlanningDesk;
use self::desk::{BatchInFlight, NextBatch};
pub(super) use self::job::Job;
use self::tidying::Chores;
use super::lanes::LanePermit;
use super::plan::Planned;
use super::shared::Shared;
use super::tables::Tables;
use super::upkeep::{Upkeep, UpkeepReply};
use super::writer::StoreWriter;
use super::{keys, metrics};
use crate::conversation::Parties;
use crate::notifier::Notifier;
use crate::{Entry, Error, MemberId, ReadCursor, Result};

/// What the handles ask of the committer.
#[derive(Debug)]
pub(super) enum Command {
    Job(Job, LanePermit),
    /// Writes what the thread that rewrites the files asks for.
    Upkeep(Upkeep, UpkeepReply),
    /// Looks whether a store that failed can be opened again, or a write is to be tried.
    Wake,
    /// Takes no further commands, and ends when those that wait are done.
    Close,
}

// One turn of the thread:
//
//  channel ──► queue ──► mend, try a write ──► plan ──► commit, flush ──► notifier ──► answers
//  bounded     by lane   if that is due        pure     may block long    queues       wake callers
//                                               ▲            │
//                                               └────────────┘ meanwhile `timeline-plan` plans
//                                                              sends of the next batch
//
// Nothing to the right of the flush happens without it: an answer promises that a batch is durable,
// and neither the observer nor who watches an inbox hears of anything that a crash could still
// undo.
//
// What is planned meanwhile counts on the batch that is being written, and ends with it: if that
// fails, its callers are refused as well, and nothing of it was written. Everything else waits
// until the batch is durable: calls of other kinds, upkeep, chores, and what opens the store again.
//
// While nobody waits, and between two batches if much is left, entries that were freed or erased
// are removed, and what is kept no longer is looked for, in batches of their own.
/// The state of the committing thread.
pub(super) struct Committer<'d> {
    shared: Arc<Shared>,
    engine: StoreWriter,
    /// Where the observer hears of it, if there is one.
    herald: Option<Notifier>,
    desk: MutexGuard<'d, PlanningDesk>,
    ahead: PlanningAhead,
    answering: Answering,
    chores: Chores,
    untold: Untold,
}

/// What is told of the last batch, until it was.
#[derive(Default)]
struct Untold {
    /// What the keys of the inboxes begin with that it changes.
    concerned: Vec<Slice>,
    /// How far conversations were read with it.
    cursors: Vec<ReadCursor>,
    /// When it erased texts, if it did.
    erased_ms: Option<u64>,
}

/// Half of how many boxes are kept at hand; 100 bytes each as a rule, 1 KiB with the longest ids.
const RECENT_MAX: usize = 32_768;

impl<'d> Committer<'d> {
    pub(super) fn new(
        shared: Arc<Shared>,
        engine: StoreWriter,
        (desk, ahead): (MutexGuard<'d, PlanningDesk>, PlanningAhead),
        (herald, answering): (Option<Notifier>, Answering),
    ) -> Self {
        let (chores, untold) = (Chores::new(desk.retention.clone()), Untold::default());
        Self { shared, engine, herald, desk, ahead, answering, chores, untold }
    }

    /// Works until every handle is gone or one shut the store down.
    pub(super) fn run(mut self) {
        loop {
            // The thread may sleep here only while nothing waits at its desk: what lies there
            // already has nobody else to wake it.
            if self.desk.is_empty() {
                match self.next_command() {
                    Ok(command) => self.desk.take_in(command),
                    Err(TryRecvError::Empty) => {
                        self.tidy();
                        continue;
                    }
                    // This comes when the channel was closed or the last handle is gone, and only
                    // after the last command: whatever was accepted has been answered. The watchdog
                    // holds a weak sender, so that it does not keep a store open that nobody has
                    // any more.
                    Err(TryRecvError::Disconnected) => break,
                }
            }
            // It takes in as many sends as the channel holds. With those that wait in the channel,
            // twice as many wait at most.
            self.desk.take_in_all();
            // A shutdown while the channel was full could not send its command, so the flag is
            // looked at, too.
            if self.shared.is_closed() {
                self.desk.commands.close();
            }
            metrics::queue(self.desk.waiting() + self.desk.commands.len());
            #[cfg(test)]
            super::thread_guard::panic_if_told(self.engine.directory(), "panic-commit");
            // The order matters: a store that can be opened again is opened before the batch, whose
            // calls would be refused otherwise.
            self.mend();
            self.try_write();
            self.keep_up();
            self.desk.take_turns();
            if self.desk.has_batch() {
                self.batch();
                // What comes faster than it is removed while nobody waits would pile up.
                if self.chores.are_pressing() && self.may_do_chores() {
                    self.tidy();
                }
            }
        }
        // The files are let go of before `shutdown` returns, which waits for this thread.
        self.shared.close();
        self.shared.note_end(self.engine.finish());
    }

    /// Waits for a command, unless there is something to do meanwhile.
    fn next_command(&mut self) -> Result<Command, TryRecvError> {
        // `may_remove` is false after a shutdown: the channel may be closed then while a call is
        // still on its way into it, for which only `blocking_recv` waits.
        if self.chores.are_due() && self.shared.may_remove() {
            return self.desk.commands.try_recv();
        }
        self.shared.wake_at(self.chores.next_at());
        self.desk.commands.blocking_recv().ok_or(TryRecvError::Disconnected)
    }

    /// Returns whether chores may write now. They change what a batch that was begun has looked up.
    fn may_do_chores(&self) -> bool {
        !self.desk.has_begun() && self.shared.may_remove()
    }

    /// Opens the store again if it failed. That may hang as a write may.
    fn mend(&mut self) {
        // `writing` is set for the watchdog, which tells from it that the disk hangs.
        if self.shared.has_failed() {
            *self.shared.writing.lock() = Some(Instant::now());
            // After a panic it is still there, and holds the keyspaces.
            self.desk.in_flight = None;
            if self.engine.mend() {
                // The commit that failed may have been written after all, so what is remembered of
                // recent sends, and of what is to be removed, is not certain any more. For the same
                // reason those whom it concerns are told now.
                self.desk.begin_anew();
                self.chores.begin_anew();
                self.drop_unwritten_cursors();
                self.tell(Vec::new());
            }
            *self.shared.writing.lock() = None;
        }
    }

    /// Leaves out the cursors of a batch that failed and was not written.
    ///
    /// A cursor is told by itself, and not only looked up again like an inbox.
    fn drop_unwritten_cursors(&mut self) {
        let Ok(tables) = self.shared.tables() else { return };
        self.untold.cursors.retain(|cursor| {
            let members = slice::from_ref(&cursor.member);
            let read = || tables.read_of(&cursor.conversation, members).ok();
            // The engine may panic about a damaged file.
            let read = catch_unwind(AssertUnwindSafe(read)).ok().flatten();
            read.is_some_and(|read| read.first().is_some_and(|read| *read >= cursor.read))
        });
    }

    /// Tries a write now and then. That may hang as any write may, which is seen as for those.
    fn try_write(&mut self) {
        if self.shared.take_probe() {
            *self.shared.writing.lock() = Some(Instant::now());
            self.engine.try_write();
            *self.shared.writing.lock() = None;
        }
    }

    /// Writes a batch. A panic is a failure like any other: what was written may be there or not.
    fn batch(&mut self) {
        *self.shared.writing.lock() = Some(Instant::now());
        // A panic drops the callers' channels unanswered; `EmbeddedStore::ask` then tells them to
        // repeat. It may also leave the engine and `recent` half-changed, which is why the store
        // counts as failed below: nothing is written before both were made anew.
        let written = catch_unwind(AssertUnwindSafe(|| self.write_batch()));
        *self.shared.writing.lock() = None;
        if written.is_err() {
            self.desk.note_panic();
        }
        if self.desk.take_panic() {
            metrics::commit_failed();
            self.engine.failed("the committing thread panicked", None);
        }
    }

    /// Makes one batch of the calls that have had their turn, as many as it takes, and answers
    /// them.
    fn write_batch(&mut self) {
        let (tables, number, failure) = match (self.engine.next(), self.shared.tables()) {
            (Ok((tables, number)), _) => (tables, number, None),
            // Nothing can be written now, but the store can be read, so repetitions of stored sends
            // are answered.
            (Err(failure), Ok(tables)) => (tables, 0, Some(failure)),
            (Err(failure), Err(_)) => {
                self.give_up(&failure);
                return self.desk.refuse(&failure);
            }
        };
        if let Some(failure) = &failure {
            self.give_up(failure);
        }
        let is_behind = self.chores.are_behind();
        let NextBatch { draft, replies, permits, .. } =
            self.desk.plan_batch(&tables, (number, failure), is_behind);
        debug_assert_eq!(draft.number(), number, "nothing is written while a batch is begun");
        let planned = draft.finish(&tables);
        // Few callers gain less by it than it takes to wake the other thread.
        let may_lend = replies.len() > FEW;
        let committed = planned.map_or(Ok(()), |planned| self.commit(planned, (tables, number), may_lend));
        if let Err(error) = &committed {
            self.give_up(error);
        }
        self.answering.hand_over(Answered { replies, committed, permits });
    }

    /// Refuses what was planned on a batch that was not written.
    fn give_up(&mut self, error: &Error) {
        if let Some(answered) = self.desk.give_up(error) {
            self.answering.hand_over(answered);
        }
    }

    /// Makes a batch durable, and hands over what is new.
    ///
    /// Meanwhile the next one is planned, if that may be.
    fn commit(
        &mut self,
        planned: Planned,
        (tables, number): (Arc<Tables>, u64),
        may_lend: bool,
    ) -> Result<()> {
        let Planned { batch, news, cursors, freed, erasures, erased_ms, unwritten } = planned;
        // These are noted before: a commit that fails may be written all the same, and then they
        // are told once the store is open again.
        self.untold = Untold { concerned: unwritten.concerned(), cursors, erased_ms };
        self.desk.in_flight = Some(BatchInFlight { tables, number, unwritten });
        // What waits for a moment in which no batch is begun would wait for ever otherwise.
        let committed = if may_lend && !self.chores.are_pressing() && self.desk.upkeeps.is_empty() {
            self.ahead.during(&mut self.desk, || self.engine.commit(batch))
        } else {
            self.engine.commit(batch)
        };
        let flight = self.desk.in_flight.take();
        committed?;
        // The order matters: sequences become known to `recent` and to the observer only once the
        // batch is durable. A batch that failed gave them out in vain, and the next one gives them
        // out again.
        if let Some(flight) = flight {
            flight.unwritten.note(&mut self.desk.recent);
        }
        self.chores.note(freed, erasures);
        self.tell(news);
        Ok(())
    }

    /// Wakes those who watch the inboxes that the last batch changed, and the thread that takes
    /// erased texts out of the files, and hands over to the observer what inboxes got.
    fn tell(&mut self, news: Vec<(MemberId, Entry)>) {
        let Untold { concerned, cursors, erased_ms } = mem::take(&mut self.untold);
        if let Some(erased_ms) = erased_ms {
            self.shared.erased(erased_ms);
        }
        let told: Vec<_> = cursors.iter().flat_map(concerned_by).collect();
        // The observer may miss a batch, and catches up later. Who watches an inbox may not, and
        // waits for nothing else, so that is not left to the thread of the observer.
        let watchers = &self.shared.watchers;
        if !watchers.is_empty() {
            let members = concerned.iter().filter_map(|inbox| keys::member_of_inbox(inbox).ok());
            members.for_each(|member| watchers.notify(&member));
            told.iter().for_each(|(member, cursor)| watchers.notify_read(cursor, member));
        }
        if let Some(herald) = &mut self.herald {
            herald.tell(news, told);
        }
    }
}

/// Returns a cursor for the reader, and in a pair for the other one, who sees how far it was read.
fn concerned_by(cursor: &ReadCursor) -> impl Iterator<Item = (MemberId, ReadCursor)> {
    let other = match cursor.conversation.parties() {
        Parties::Pair(one, other) if one != other => Some(if cursor.member == *one { other } else { one }),
        Parties::Pair(..) | Parties::Group(_) => None,
    };
    [Some(&cursor.member), other].into_iter().flatten().map(|member| (member.clone(), cursor.clone()))
}
