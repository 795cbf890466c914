//! How the handle asks the committing thread, and how it reads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::oneshot;

use super::EmbeddedStore;
use crate::embedded::committer::{Command, Job};
use crate::embedded::lanes::Lane;
use crate::embedded::shared::closed;
use crate::embedded::tables::Tables;
use crate::embedded::verify;
use crate::{Error, ErrorKind, Result};

impl EmbeddedStore {
    /// Hands a call to the committer, and waits for the answer.
    pub(super) async fn ask<T>(
        &self,
        lane: Lane,
        call: impl FnOnce(oneshot::Sender<Result<T>>) -> Job,
    ) -> Result<T> {
        let answer = self.hand_over(lane, call).await?;
        answer.await.map_err(|_| self.gone())?
    }

    /// Hands a call to the committer, and returns where the answer comes.
    ///
    /// It waits while the lane or the queue is full.
    pub(super) async fn hand_over<T>(
        &self,
        lane: Lane,
        call: impl FnOnce(oneshot::Sender<Result<T>>) -> Job,
    ) -> Result<oneshot::Receiver<Result<T>>> {
        if self.shared.is_closed() {
            return Err(closed());
        }
        // A place in the lane comes first: a sender whose lane is full waits there, and not in the
        // queue that it shares with others.
        let permit = self.lanes.enter(&lane).await?;
        let (reply, answer) = oneshot::channel();
        // Dropped before this was sent, a call has no effect. Dropped later, it is written all the
        // same, and nobody hears the answer.
        self.commands.send(Command::Job(call(reply), permit)).await.map_err(|_| self.gone())?;
        Ok(answer)
    }

    /// Reads from what is open. The engine panics about what it takes for impossible: then a file
    /// is damaged, too.
    pub(super) async fn read_tables<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Tables) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let turn = self.reads.acquire().await;
        // The semaphore is never closed, so this does not fail.
        let _turn = turn.map_err(|error| {
            Error::with_source(ErrorKind::Unavailable, "the reads of the store were ended; read again", error)
        })?;
        let (tables, shared) = (self.shared.tables()?, Arc::clone(&self.shared));
        blocking(move || {
            let read = catch_unwind(AssertUnwindSafe(|| read(&tables))).unwrap_or_else(|_| {
                Err(Error::new(
                    ErrorKind::Corrupt,
                    "the timeline store is damaged: its engine cannot read its files",
                ))
            });
            // The tables are let go of before the damaged file is looked for, so that the store can
            // be opened again meanwhile.
            drop(tables);
            read.map_err(|error| verify::judge(&shared, error))
        })
        .await
    }

    /// Returns why the committer did not answer: it was told to end, or it panicked about the
    /// batch.
    pub(super) fn gone(&self) -> Error {
        // After a panic this may run before the committer has noted why, so there is a text for
        // that.
        let refused = self.shared.tables().err().or_else(|| self.shared.refusal());
        refused.unwrap_or_else(|| {
            Error::new(
                ErrorKind::Unavailable,
                "a failure of the store cut the send short; repeat it with the same message id",
            )
        })
    }
}

/// How many reads there are at a time; others wait for them.
///
/// Each has a thread, whose memory stays for a while: a hundred thousand readers that begin at the
/// same time would take hundreds of them, which a disk does not serve faster.
pub(super) const READS_MAX: usize = 64;

/// Runs what may wait for the disk off the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => {
            Err(Error::with_source(ErrorKind::Unavailable, "the read was cut short; try again", error))
        }
    }
}
