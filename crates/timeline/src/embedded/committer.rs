//! The one thread that writes.
//!
//! It drains the queue, commits, hands over what is new, and answers.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};

use super::fair_queue::FairQueue;
use super::lanes::{Lane, LanePermit};
use super::notifier::Notifier;
use super::plan::{Plan, Planned, bytes_of};
use super::recent::Recent;
use super::removals::Removals;
use super::shared::Shared;
use super::upkeep::{Upkeep, UpkeepReply};
use super::writer::StoreWriter;
use super::{clock, groups, metrics, verify};
use crate::store::{Append, Appended, GroupChange};
use crate::{Group, GroupName, MemberId, Result, Seq};

/// What the handles ask of the committer.
#[derive(Debug)]
pub(super) enum Command {
    Job(Lane, Job, LanePermit),
    /// Writes what the thread that rewrites the files asks for.
    Upkeep(Upkeep, UpkeepReply),
    /// Looks whether a store that failed can be opened again, or a write is to be tried.
    Wake,
    /// Takes no further commands, and ends when those that wait are done.
    Close,
}

/// A caller that waits, and what for.
#[derive(Debug)]
pub(super) enum Job {
    /// Writes a send.
    Append(Box<Append>, oneshot::Sender<Result<Appended>>),
    /// Raises a cursor.
    Received(MemberId, Seq, oneshot::Sender<Result<Seq>>),
    /// Frees an inbox.
    Ack(MemberId, Seq, oneshot::Sender<Result<Seq>>),
    /// Changes a group.
    Group(GroupName, Box<GroupChange>, oneshot::Sender<Result<Group>>),
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
// While nobody waits, and between two batches if much is left, entries that were freed are removed,
// in a batch of their own.
/// The state of the committing thread.
pub(super) struct Committer {
    shared: Arc<Shared>,
    engine: StoreWriter,
    herald: Notifier,
    queue: FairQueue<Lane, (Job, LanePermit)>,
    batch_bytes: usize,
    recent: Recent,
    removals: Removals,
    /// Whose inboxes the last batch changes, until they were told.
    concerned: Vec<MemberId>,
}

/// A caller and what it is told if the batch becomes durable.
enum Reply {
    Append(oneshot::Sender<Result<Appended>>, Result<Appended>),
    Sequence(oneshot::Sender<Result<Seq>>, Result<Seq>),
    Group(oneshot::Sender<Result<Group>>, Result<Group>),
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
        herald: Notifier,
        batch_bytes: usize,
    ) -> Self {
        Self {
            shared,
            engine,
            herald,
            queue: FairQueue::new(),
            batch_bytes,
            recent: Recent::new(RECENT_MAX),
            removals: Removals::stored(),
            concerned: Vec::new(),
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
                        self.remove();
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
            while self.queue.len() < commands.max_capacity()
                && let Ok(command) = commands.try_recv()
            {
                self.take_in(command, &mut commands);
            }
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
                if self.removals.is_pressing() && self.shared.may_remove() {
                    self.remove();
                }
            }
        }
        // The files are let go of before `shutdown` returns, which waits for this thread.
        self.shared.close();
        self.shared.note_end(self.engine.finish());
    }

    /// Waits for a command, unless there is something to remove meanwhile.
    fn next_command(&self, commands: &mut mpsc::Receiver<Command>) -> Result<Command, TryRecvError> {
        // `may_remove` is false after a shutdown: the channel may be closed then while a call is
        // still on its way into it, for which only `blocking_recv` waits.
        if self.removals.is_due() && self.shared.may_remove() {
            return commands.try_recv();
        }
        commands.blocking_recv().ok_or(TryRecvError::Disconnected)
    }

    fn take_in(&mut self, command: Command, commands: &mut mpsc::Receiver<Command>) {
        match command {
            Command::Job(lane, call, permit) => self.queue.push(lane, call.bytes(), (call, permit)),
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
                self.removals.begin_anew();
                self.tell_watchers();
            }
            *self.shared.writing.lock() = None;
        }
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
        drop(permits);
        *self.shared.writing.lock() = None;
        if written.is_err() {
            metrics::commit_failed();
            self.engine.failed("the committing thread panicked", None);
        }
    }

    /// Removes some of what was freed. No sends wait, or they wait for one batch.
    fn remove(&mut self) {
        *self.shared.writing.lock() = Some(Instant::now());
        let removed = catch_unwind(AssertUnwindSafe(|| self.write_removals()));
        *self.shared.writing.lock() = None;
        match removed {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                // A read that failed may be damage, which is told as if a reader had met it. A
                // write that failed was told by the engine.
                let error = verify::judge(&self.shared, error);
                tracing::debug!(error = %format_args!("{error:#}"), "nothing is removed for now");
                self.removals.put_off();
            }
            Err(_panic) => {
                metrics::commit_failed();
                self.engine.failed("the committing thread panicked", None);
                self.removals.put_off();
            }
        }
    }

    /// Makes one batch of removals.
    fn write_removals(&mut self) -> Result<()> {
        let (tables, number) = self.engine.next()?;
        if let Some(removal) = self.removals.next(&tables, number)? {
            self.engine.commit(removal.batch)?;
            self.removals.removed(removal.entries);
        }
        Ok(())
    }

    /// Writes a batch of upkeep. That may hang as any write may.
    fn keep_up(&mut self, upkeep: Upkeep, reply: &UpkeepReply) {
        *self.shared.writing.lock() = Some(Instant::now());
        let written = catch_unwind(AssertUnwindSafe(|| self.write_upkeep(upkeep)));
        *self.shared.writing.lock() = None;
        let answer = written.unwrap_or_else(|_panic| {
            metrics::commit_failed();
            Err(self.engine.failed("the committing thread panicked", None))
        });
        if reply.send(answer).is_err() {
            tracing::trace!("the thread that rewrites the files has ended");
        }
    }

    fn write_upkeep(&mut self, upkeep: Upkeep) -> Result<()> {
        if let Some(refusal) = self.shared.refusal() {
            return Err(refusal);
        }
        let (tables, number) = self.engine.next()?;
        self.engine.commit(upkeep.batch(&tables, number, self.shared.erased_since().is_some()))
    }

    /// Makes one batch of the calls, and answers them.
    fn write(&mut self, calls: Vec<Job>) {
        let (tables, number, failure) = match (self.engine.next(), self.shared.tables()) {
            (Ok((tables, number)), _) => (tables, number, None),
            // Nothing can be written now, but the store can be read, so repetitions of stored sends
            // are answered.
            (Err(failure), Ok(tables)) => (tables, 0, Some(failure)),
            (Err(failure), Err(_)) => {
                let refuse = |call: Job| call.refuse(failure.clone());
                return calls.into_iter().for_each(refuse);
            }
        };
        // This is asked once for a batch: a disk that falls short meanwhile is seen by the next
        // one.
        let refusal = failure.clone().or_else(|| self.shared.refusal());
        let mut plan = Plan::new(&tables, &self.recent, number, clock::unix_ms());
        let mut replies = Vec::with_capacity(calls.len());
        for call in calls {
            replies.push(match (call, &failure) {
                (Job::Append(append, reply), _) => {
                    let planned = plan.append(&append, refusal.as_ref());
                    Reply::Append(reply, planned.map_err(|error| verify::judge(&self.shared, error)))
                }
                (Job::Group(name, change, reply), _) => {
                    let planned = plan.change_group(&name, &change, refusal.as_ref());
                    Reply::Group(reply, planned.map_err(|error| verify::judge(&self.shared, error)))
                }
                (Job::Received(_, _, reply) | Job::Ack(_, _, reply), Some(failure)) => {
                    Reply::Sequence(reply, Err(failure.clone()))
                }
                // A cursor is a few bytes, which a disk with little room still takes; and an ack
                // makes room.
                (Job::Received(member, sequence, reply), None) => {
                    Reply::Sequence(reply, plan.received(&member, sequence))
                }
                (Job::Ack(member, sequence, reply), None) => {
                    let planned = plan.ack(&member, sequence);
                    Reply::Sequence(reply, planned.map_err(|error| verify::judge(&self.shared, error)))
                }
            });
        }
        let committed = plan.finish().map_or(Ok(()), |planned| self.commit(planned));
        for reply in replies {
            reply.send(&committed);
        }
    }

    /// Makes a batch durable, and hands over what is new.
    fn commit(&mut self, planned: Planned) -> Result<()> {
        // These are noted before: a commit that fails may be written all the same, and then they
        // are told once the store is open again.
        self.concerned = planned.concerned();
        let Planned { batch, news, extents, freed } = planned;
        self.engine.commit(batch)?;
        // The order matters: sequences become known to `recent` and to the observer only once the
        // batch is durable. A batch that failed gave them out in vain, and the next one gives them
        // out again.
        for (prefix, extent) in extents {
            self.recent.insert(prefix, extent);
        }
        if !freed.is_empty() {
            self.removals.note(freed);
        }
        // The observer may miss a batch, and catches up later. Who watches an inbox may not, and
        // waits for nothing else, so that is not left to the thread of the observer.
        self.tell_watchers();
        self.herald.tell(news);
        Ok(())
    }

    /// Wakes those who watch the inboxes that the last batch changed.
    fn tell_watchers(&mut self) {
        let concerned = mem::take(&mut self.concerned);
        if !self.shared.watchers.is_empty() {
            concerned.iter().for_each(|member| self.shared.watchers.notify(member));
        }
    }
}

impl Job {
    /// Returns about how many bytes it will write.
    fn bytes(&self) -> usize {
        match self {
            Self::Append(append, ..) => bytes_of(append),
            Self::Received(..) => 64,
            // Its name is in two keys.
            Self::Ack(member, ..) => 128 + 2 * member.as_str().len(),
            Self::Group(_, change, _) => groups::bytes_of(change),
        }
    }

    fn refuse(self, error: crate::Error) {
        match self {
            Self::Append(_, reply) => Reply::Append(reply, Err(error)).send(&Ok(())),
            Self::Received(_, _, reply) | Self::Ack(_, _, reply) => {
                Reply::Sequence(reply, Err(error)).send(&Ok(()));
            }
            Self::Group(_, _, reply) => Reply::Group(reply, Err(error)).send(&Ok(())),
        }
    }
}

impl Reply {
    /// Answers the caller; one that has gone away is not missed.
    fn send(self, committed: &Result<()>) {
        let gone = match self {
            Self::Append(reply, result) => reply.send(settle(result, committed)).is_err(),
            Self::Sequence(reply, result) => reply.send(settle(result, committed)).is_err(),
            Self::Group(reply, result) => reply.send(settle(result, committed)).is_err(),
        };
        if gone {
            tracing::trace!("a caller went away before its answer");
        }
    }
}

/// A refusal stands whatever became of the batch.
fn settle<T>(result: Result<T>, committed: &Result<()>) -> Result<T> {
    result.and_then(|value| committed.clone().map(|()| value))
}
