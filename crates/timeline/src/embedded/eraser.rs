//! The thread after whose work no file of the store has a text that was erased.
//!
//! Whatever is overwritten or removed is still in a journal, and in tables until the engine merges
//! them, which it may never do. So once in [`Config::erased_within`](super::Config::erased_within)
//! after a text was erased all files that may have it are replaced.
//!
//! ```text
//!  a text is erased            `w` in `state`, in the same batch
//!  after 3/4 of that time   1. the journal is filled until the engine begins the next one
//! 2. everything in memory is written to tables; the engine removes the journals before
//!                           3. the tables of `entries` and `bodies` are merged wholly
//!                           4. `w` is removed, or tells of a text that was erased meanwhile
//! ```
//!
//! The rest of the time is for the work, and for what fails and is tried again. `w` tells when the
//! first of the texts was erased, so that a start goes on waiting for what is left of that time: a
//! program that crashes again and again does not replace the files each time. It ends the exports
//! that go on, for which the engine keeps all that was there when they began.
//!
//! The engine begins a journal when the last one has 64 MB, and not when it is asked to: that is
//! why it is filled, with a record that is removed later.

mod rewrite;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::WeakSender;

use self::rewrite::{Rewrite, check_room};
use super::committer::Command;
use super::shared::{Shared, closed};
use super::tables::Tables;
use super::upkeep::Upkeep;
use super::{clock, metrics};
use crate::{Error, ErrorKind, Result};

/// What the thread works with.
pub(super) struct Eraser {
    shared: Arc<Shared>,
    /// The folder of the engine.
    store: PathBuf,
    /// How long after a text was erased the work begins.
    wait: Duration,
    commands: WeakSender<Command>,
    retry_at: Option<Instant>,
}

/// The longest time between two looks whether there is something to do. The tests have less time.
const LOOK_MOST: Duration = if cfg!(test) { Duration::from_millis(50) } else { Duration::from_secs(10) };

/// How long exports may take to end. One that is read ends with the next piece.
const EXPORTS_END: Duration = Duration::from_secs(2);

/// How often it is looked whether they have ended: no event tells of it.
const EXPORTS_LOOK: Duration = Duration::from_millis(10);

/// How long after a failure it is tried again, if the time allows.
const RETRY_MOST: Duration = if cfg!(test) { Duration::from_millis(50) } else { Duration::from_secs(5 * 60) };

impl Eraser {
    pub(super) fn new(
        shared: Arc<Shared>,
        store: PathBuf,
        within: Duration,
        commands: WeakSender<Command>,
    ) -> Self {
        Self { shared, store, wait: within * 3 / 4, commands, retry_at: None }
    }

    /// Works until the other end of `stop` is dropped.
    pub(super) fn run(mut self, stop: &Receiver<()>) {
        let look = (self.wait / 16).min(LOOK_MOST);
        loop {
            if self.is_due() {
                self.erase(stop);
            }
            // Nothing is ever sent.
            if stop.recv_timeout(look) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }

    fn is_due(&self) -> bool {
        if self.retry_at.is_some_and(|at| Instant::now() < at) {
            return false;
        }
        let Some(since) = self.shared.erased_since().or_else(|| self.stored_since()) else { return false };
        let now = clock::unix_ms();
        if since > now {
            // The clock was set back. Without this the text would stay until it is there again.
            self.shared.erased(now);
        }
        u128::from(now.saturating_sub(since)) >= self.wait.as_millis()
    }

    /// Looks for the note of a batch that was written although it failed.
    fn stored_since(&self) -> Option<u64> {
        // A store that is away is asked the next time.
        let since = self.shared.tables().and_then(|tables| tables.erased_at()).ok()??;
        self.shared.erased(since);
        Some(since)
    }

    fn erase(&mut self, stop: &Receiver<()>) {
        let Some(since) = self.shared.take_erased() else { return };
        let start = Instant::now();
        // Exports are ended only if the work can be done: with a full disk somebody may need one.
        let rewritten = self.check(stop).and_then(|()| self.rewrite_alone(stop));
        self.retry_at = None;
        match rewritten {
            Ok(()) => {
                let took = start.elapsed();
                metrics::compacted(took);
                self.shared.rewrites.send_modify(|rewrites| *rewrites += 1);
                tracing::debug!(?took, "no file of the store has an erased text any more");
            }
            // The next start finds what is left.
            Err(_) if self.shared.is_closed() => {}
            Err(error) => {
                self.shared.erased(since);
                let again = (self.wait / 16).min(RETRY_MOST);
                self.retry_at = Some(Instant::now() + again);
                tracing::warn!(
                    error = %format_args!("{error:#}"),
                    ?again,
                    "files of the store still have texts that were erased; it is tried again"
                );
            }
        }
    }

    /// Fails if the files cannot be replaced now.
    fn check(&self, stop: &Receiver<()>) -> Result<()> {
        let tables = self.hold(stop)?;
        check_room(&self.store, &tables.entries)?;
        check_room(&self.store, &tables.bodies)
    }

    /// Replaces the files while no export goes on.
    fn rewrite_alone(&self, stop: &Receiver<()>) -> Result<()> {
        // The order matters: an export that begins after this is refused, so none is left behind.
        self.shared.set_erasing(true);
        self.wait_for_exports(stop);
        self.shared.set_merging(true);
        let rewritten = catch_unwind(AssertUnwindSafe(|| self.rewrite(stop))).unwrap_or_else(|_panic| {
            Err(Error::new(ErrorKind::Corrupt, "the engine panicked while it merged its tables"))
        });
        self.shared.set_merging(false);
        self.shared.set_erasing(false);
        rewritten
    }

    /// Waits for the exports, which were told to end.
    fn wait_for_exports(&self, stop: &Receiver<()>) {
        let start = Instant::now();
        while self.shared.is_exported() && start.elapsed() < EXPORTS_END {
            if stop.recv_timeout(EXPORTS_LOOK) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }

    fn rewrite(&self, stop: &Receiver<()>) -> Result<()> {
        // A store that has failed is opened again without the merge.
        drop(self.hold(stop)?);
        if self.shared.is_exported() {
            let text = "an export that was told to end is kept, and with it all that was there when it began";
            return Err(Error::new(ErrorKind::Unavailable, text));
        }
        // The keyspaces alone are held all the time. They lock the files: as long as there are
        // tables, they are those of these keyspaces.
        let keyspaces = self.shared.tables()?.keyspaces();
        Rewrite {
            keyspaces,
            store: &self.store,
            ask: &mut |upkeep| self.ask(upkeep),
            hold: &|| self.hold(stop).map(Some),
        }
        .run()
    }

    /// Has the committing thread write a batch, and waits for it.
    fn ask(&self, upkeep: Upkeep) -> Result<()> {
        let (reply, answer) = sync_channel(1);
        // The sender is held for the command only, as the committing thread ends with the last one.
        let commands = self.commands.upgrade().ok_or_else(closed)?;
        commands.blocking_send(Command::Upkeep(upkeep, reply)).map_err(|_| closed())?;
        drop(commands);
        answer.recv().map_err(|_| closed())?
    }

    /// Returns the tables; fails if the store ends, or is to be opened again.
    fn hold(&self, stop: &Receiver<()>) -> Result<Arc<Tables>> {
        if stop.try_recv() == Err(TryRecvError::Disconnected) {
            return Err(closed());
        }
        match self.shared.refusal() {
            Some(refusal) => Err(refusal),
            None => self.shared.tables(),
        }
    }
}

#[cfg(test)]
mod tests;
