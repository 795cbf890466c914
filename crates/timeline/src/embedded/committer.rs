//! The one thread that writes.
//!
//! It drains the queue, commits, hands over what is new, and answers.

mod answering;
mod job;
mod tidying;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Instant;
use std::{mem, slice};

use fjall::Slice;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

pub(super) use self::answering::{ANSWERED_MAX, Answered, Answering, run as run_answering};
pub(super) use self::job::Job;
use self::job::Obstacles;
use self::tidying::Chores;
use super::fair_queue::FairQueue;
use super::lanes::{LanePermit, LaneTurn};
use super::plan::{Plan, Planned};
use super::recent::Recent;
use super::shared::Shared;
use super::upkeep::{Upkeep, UpkeepReply};
use super::writer::StoreWriter;
use super::{clock, keys, metrics};
use crate::conversation::Parties;
use crate::notifier::Notifier;
use crate::{Entry, MemberId, ReadCursor, Result, Retention};

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
//
// Nothing to the right of the flush happens without it: an answer promises that a batch is durable,
// and neither the observer nor who watches an inbox hears of anything that a crash could still
// undo.
//
// While nobody waits, and between two batches if much is left, entries that were freed or erased
// are removed, and what is kept no longer is looked for, in batches of their own.
/// The state of the committing thread.
pub(super) struct Committer {
    shared: Arc<Shared>,
    engine: StoreWriter,
    /// Where the observer hears of it, if there is one.
    herald: Option<Notifier>,
    queue: FairQueue<LaneTurn, (Job, LanePermit)>,
    answering: Answering,
    /// The commands that the channel had, while they are taken in.
    arrived: Vec<Command>,
    batch_bytes: usize,
    retention: Retention,
    recent: Recent,
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

/// How many bytes one sender may write in a batch, unless a single send has more.
// With batches of 8 MiB, the default, about eight senders that have much to write share a flush.
const SENDER_BYTES: usize = 1024 * 1024;

/// Half of how many boxes are kept at hand; 100 bytes each as a rule, 1 KiB with the longest ids.
const RECENT_MAX: usize = 32_768;

impl Committer {
    pub(super) fn new(
        shared: Arc<Shared>,
        engine: StoreWriter,
        (herald, answering): (Option<Notifier>, Answering),
        batch_bytes: usize,
        retention: Retention,
    ) -> Self {
        let (recent, chores) = (Recent::new(RECENT_MAX), Chores::new(retention.clone()));
        let (queue, arrived, untold) = (FairQueue::new(), Vec::new(), Untold::default());
        Self {
            shared,
            engine,
            herald,
            queue,
            answering,
            arrived,
            batch_bytes,
            retention,
            recent,
            chores,
            untold,
        }
    }

    /// Works until every handle is gone or one shut the store down.
    pub(super) fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        loop {
            // The thread may sleep here only while nothing waits in its own queue: what lies there
            // already has nobody else to wake it.
            if self.queue.len() == 0 {
                match self.next_command(&mut commands) {
                    Ok(command) => self.take_in(command, &mut commands),
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
            self.take_in_all(&mut commands);
            // A shutdown while the channel was full could not send its command, so the flag is
            // looked at, too.
            if self.shared.is_closed() {
                commands.close();
            }
            metrics::queue(self.queue.len() + commands.len());
            #[cfg(test)]
            super::thread_guard::panic_if_told(self.engine.directory(), "panic-commit");
            // The order matters: a store that can be opened again is opened before the batch, whose
            // calls would be refused otherwise.
            self.mend();
            self.try_write();
            let calls = self.queue.take(SENDER_BYTES, self.batch_bytes);
            if !calls.is_empty() {
                self.batch(calls);
                // What comes faster than it is removed while nobody waits would pile up.
                if self.chores.are_pressing() && self.shared.may_remove() {
                    self.tidy();
                }
            }
        }
        // The files are let go of before `shutdown` returns, which waits for this thread.
        self.shared.close();
        self.shared.note_end(self.engine.finish());
    }

    /// Waits for a command, unless there is something to do meanwhile.
    fn next_command(&self, commands: &mut mpsc::Receiver<Command>) -> Result<Command, TryRecvError> {
        // `may_remove` is false after a shutdown: the channel may be closed then while a call is
        // still on its way into it, for which only `blocking_recv` waits.
        if self.chores.are_due() && self.shared.may_remove() {
            return commands.try_recv();
        }
        self.shared.wake_at(self.chores.next_at());
        commands.blocking_recv().ok_or(TryRecvError::Disconnected)
    }

    /// Takes in what waits in the channel, as far as there is room, without waiting for more.
    fn take_in_all(&mut self, commands: &mut mpsc::Receiver<Command>) {
        let room = commands.max_capacity().saturating_sub(self.queue.len());
        let (mut arrived, mut context) = (mem::take(&mut self.arrived), Context::from_waker(Waker::noop()));
        // All at once, because the places in the channel are given back under a lock.
        if room > 0 && commands.poll_recv_many(&mut context, &mut arrived, room).is_ready() {
            arrived.drain(..).for_each(|command| self.take_in(command, commands));
        }
        self.arrived = arrived;
    }

    fn take_in(&mut self, command: Command, commands: &mut mpsc::Receiver<Command>) {
        match command {
            Command::Job(call, permit) => self.queue.push(permit.turn(), call.bytes(), (call, permit)),
            Command::Upkeep(upkeep, reply) => self.keep_up(upkeep, &reply),
            Command::Wake => {}
            Command::Close => commands.close(),
        }
    }

    /// Opens the store again if it failed. That may hang as a write may.
    fn mend(&mut self) {
        // `writing` is set for the watchdog, which tells from it that the disk hangs.
        if self.shared.has_failed() {
            *self.shared.writing.lock() = Some(Instant::now());
            if self.engine.mend() {
                // The commit that failed may have been written after all, so what is remembered of
                // recent sends, and of what is to be removed, is not certain any more. For the same
                // reason those whom it concerns are told now.
                self.recent = Recent::new(RECENT_MAX);
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
    fn batch(&mut self, calls: Vec<(Job, LanePermit)>) {
        *self.shared.writing.lock() = Some(Instant::now());
        // The permits are given back after the calls were answered.
        let (calls, permits): (Vec<_>, Vec<_>) = calls.into_iter().unzip();
        // A panic drops the callers' channels unanswered; `EmbeddedStore::ask` then tells them to
        // repeat. It may also leave the engine and `recent` half-changed, which is why the store
        // counts as failed below: nothing is written before both were made anew.
        let written = catch_unwind(AssertUnwindSafe(|| self.write(calls)));
        self.answering.hand_over(Answered::Permits(permits));
        *self.shared.writing.lock() = None;
        if written.is_err() {
            metrics::commit_failed();
            self.engine.failed("the committing thread panicked", None);
        }
    }

    /// Writes the calls, and answers them: in one batch, if it takes all.
    fn write(&mut self, calls: Vec<Job>) {
        let mut calls = calls.into_iter().peekable();
        while calls.peek().is_some() {
            // Each batch has its own time.
            *self.shared.writing.lock() = Some(Instant::now());
            self.write_batch(&mut calls);
            // After the last one this is done when the next calls were taken in.
            if calls.peek().is_some() && self.chores.are_behind() && self.shared.may_remove() {
                self.tidy();
            }
        }
    }

    /// Makes one batch of the next calls, as many as it takes, and answers them.
    fn write_batch(&mut self, calls: &mut impl Iterator<Item = Job>) {
        let (tables, number, failure) = match (self.engine.next(), self.shared.tables()) {
            (Ok((tables, number)), _) => (tables, number, None),
            // Nothing can be written now, but the store can be read, so repetitions of stored sends
            // are answered.
            (Err(failure), Ok(tables)) => (tables, 0, Some(failure)),
            (Err(failure), Err(_)) => {
                return calls.for_each(|call| call.refuse(failure.clone()));
            }
        };
        // This is asked once for a batch: a disk that falls short meanwhile is seen by the next
        // one.
        let refusal = failure.clone().or_else(|| self.shared.refusal());
        let obstacles = Obstacles { failure: failure.as_ref(), refusal: refusal.as_ref() };
        let mut plan = Plan::new(&tables, &self.recent, number, clock::unix_ms())
            .keeping(&self.retention)
            .observed(self.herald.is_some())
            .expecting(calls.size_hint().0);
        let mut replies = Vec::with_capacity(calls.size_hint().0);
        while !plan.is_full(self.chores.are_behind())
            && let Some(call) = calls.next()
        {
            replies.push(call.plan(&mut plan, &obstacles, &self.shared));
        }
        let committed = plan.finish().map_or(Ok(()), |planned| self.commit(planned));
        self.answering.hand_over(Answered::Replies(replies, committed));
    }

    /// Makes a batch durable, and hands over what is new.
    fn commit(&mut self, planned: Planned) -> Result<()> {
        let concerned = planned.concerned();
        let Planned { batch, news, cursors, freed, erasures, erased_ms, remembered } = planned;
        // These are noted before: a commit that fails may be written all the same, and then they
        // are told once the store is open again.
        self.untold = Untold { concerned, cursors, erased_ms };
        self.engine.commit(batch)?;
        // The order matters: sequences become known to `recent` and to the observer only once the
        // batch is durable. A batch that failed gave them out in vain, and the next one gives them
        // out again.
        remembered.note(&mut self.recent);
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
