//! The one thread that writes: it drains the queue, commits, tells the observer, and answers.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::DropGuard;

use super::clock;
use super::marker::Marker;
use super::plan::{Plan, Planned};
use super::recent::Recent;
use super::tables::Tables;
use crate::store::{Append, Appended};
use crate::{Error, ErrorKind, MemberId, Observer, Result, Seq, State};

/// What the handles ask of the committer.
#[derive(Debug)]
pub(super) enum Command {
    /// Writes a send.
    Append(Append, oneshot::Sender<Result<Appended>>),
    /// Raises a cursor.
    Received(MemberId, Seq, oneshot::Sender<Result<Seq>>),
    /// Takes no further commands, and ends when those that wait are done.
    Close,
}

/// Makes a batch durable.
pub(super) type Commit = Box<dyn FnMut(fjall::OwnedWriteBatch) -> fjall::Result<()> + Send>;

/// The state of the committing thread.
pub(super) struct Committer {
    tables: Arc<Tables>,
    marker: Marker,
    last_batch: u64,
    observer: Arc<dyn Observer>,
    commit: Commit,
    batch_bytes: usize,
    state: Arc<watch::Sender<State>>,
    recent: Recent,
    // Why nothing is written any more.
    failure: Option<Error>,
}

/// A caller that waits, and what it is told if the batch becomes durable.
enum Reply {
    Append(oneshot::Sender<Result<Appended>>, Result<Appended>),
    Received(oneshot::Sender<Result<Seq>>, Result<Seq>),
}

impl Committer {
    pub(super) fn new(
        tables: Arc<Tables>,
        (marker, last_batch): (Marker, u64),
        observer: Arc<dyn Observer>,
        commit: Commit,
        batch_bytes: usize,
        state: Arc<watch::Sender<State>>,
    ) -> Self {
        let recent = Recent::new(RECENT_MAX);
        Self { tables, marker, last_batch, observer, commit, batch_bytes, state, recent, failure: None }
    }

    /// Works until every handle is gone or one closed the store. `done` is dropped last.
    pub(super) fn run(mut self, mut commands: mpsc::Receiver<Command>, done: DropGuard) {
        let mut waiting = Vec::new();
        // The limit is what the queue can hold, so a batch takes whatever waits.
        while commands.blocking_recv_many(&mut waiting, commands.max_capacity()) > 0 {
            let mut drained = waiting.drain(..).peekable();
            while drained.peek().is_some() {
                self.batch(&mut drained, &mut commands);
            }
        }
        if let Err(error) = self.marker.flusher().flush() {
            tracing::error!(%error, "the marker of the store cannot be flushed");
        }
        // The files are let go of before `close` returns.
        self.state.send_replace(State::down("the store is closed"));
        drop(self);
        drop(done);
    }

    /// Makes one batch of the commands at hand, up to its size in bytes.
    fn batch(&mut self, drained: &mut impl Iterator<Item = Command>, commands: &mut mpsc::Receiver<Command>) {
        let tables = Arc::clone(&self.tables);
        let mut plan = Plan::new(&tables, &self.recent, self.last_batch + 1, clock::unix_ms());
        let mut replies = Vec::new();
        while plan.bytes() < self.batch_bytes {
            match drained.next() {
                Some(Command::Append(append, reply)) => {
                    let result = self.writable().and_then(|()| plan.append(&append));
                    replies.push(Reply::Append(reply, result));
                }
                Some(Command::Received(member, sequence, reply)) => {
                    let result = self.writable().and_then(|()| plan.received(&member, sequence));
                    replies.push(Reply::Received(reply, result));
                }
                Some(Command::Close) => commands.close(),
                None => break,
            }
        }
        let committed = match plan.finish() {
            Some(planned) => self.commit(planned),
            None => Ok(()),
        };
        for reply in replies {
            reply.send(&committed);
        }
    }

    /// Makes the batch durable and tells the observer.
    fn commit(&mut self, planned: Planned) -> Result<()> {
        if let Err(error) = (self.commit)(planned.batch) {
            let text = format!("the store failed and takes no sends until it is opened again: {error}");
            tracing::error!(%error, "a commit failed");
            self.state.send_replace(State::read_only(text.as_str()));
            let failure = Error::new(ErrorKind::Unavailable, text).with_source(error);
            self.failure = Some(failure.clone());
            return Err(failure);
        }
        self.last_batch += 1;
        // Only now, for what the marker says must be there. One that is behind is a lower bound, which is no loss.
        if let Err(error) = self.marker.committed(self.last_batch) {
            tracing::error!(%error, "the marker of the store cannot be written; what goes missing will not be noticed");
        }
        for (prefix, extent) in planned.extents {
            self.recent.insert(prefix, extent);
        }
        for (member, entry) in &planned.news {
            self.observer.appended(member.as_str(), entry);
        }
        Ok(())
    }

    fn writable(&self) -> Result<()> {
        self.failure.clone().map_or(Ok(()), Err)
    }
}

impl Reply {
    /// Answers the caller; one that has gone away is not missed.
    fn send(self, committed: &Result<()>) {
        let gone = match self {
            Self::Append(reply, result) => reply.send(settle(result, committed)).is_err(),
            Self::Received(reply, result) => reply.send(settle(result, committed)).is_err(),
        };
        if gone {
            tracing::trace!("a caller went away before its answer");
        }
    }
}

/// Half of how many last sequences are kept at hand; 100 bytes each as a rule, 1 KiB with the longest ids.
const RECENT_MAX: usize = 32_768;

/// A refusal stands whatever became of the batch.
fn settle<T>(result: Result<T>, committed: &Result<()>) -> Result<T> {
    result.and_then(|value| committed.clone().map(|()| value))
}
