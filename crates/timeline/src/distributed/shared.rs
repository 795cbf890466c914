//! What all parts of a distributed store share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::call_end;
use super::changes::Turns;
use super::config::Config;
use super::database::Database;
use super::episodes::Episodes;
use super::groups::GroupTurns;
use super::intents::Intents;
use super::keeper::Upkeep;
use super::node_id::NodeId;
use super::read::{Holes, Newest};
use super::reserving_turns::ReservingTurns;
use super::rows::{CursorQueue, RowsCache};
use super::sequencer::Sequencer;
use super::telling::Teller;
use crate::store::InboxWatchers;
use crate::{Error, ErrorKind, Result, State};

/// What all parts of a distributed store share.
///
/// The parts that are fields know nothing of it; what needs several of them takes it by reference.
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) database: Database,
    pub(super) sequencer: Sequencer,
    pub(super) reserving: ReservingTurns,
    pub(super) intents: Intents,
    pub(super) watchers: InboxWatchers,
    pub(super) teller: Teller,
    pub(super) holes: Holes,
    pub(super) newest: Newest,
    pub(super) rows: RowsCache,
    pub(super) cursors: CursorQueue,
    pub(super) group_turns: GroupTurns,
    pub(super) turns: Turns,
    pub(super) upkeep: Upkeep,
    pub(super) episodes: Episodes,
    pub(super) node: NodeId,
    pub(super) state: watch::Sender<State>,
    /// The generation of the store; 0 until it is open.
    pub(super) generation: AtomicU64,
    /// The calls and the tasks that are under way; closed by a shutdown.
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
}

impl Shared {
    /// Does the work of a call, whose steps end when its time is up.
    pub(super) async fn timed<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.check_open()?;
        call_end::until(Instant::now() + call_end::of_steps(self.config.timeout), work).await
    }

    /// Runs work to its end, also when the caller is dropped, or was answered as its time was up.
    pub(super) async fn whole<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        self.check_open()?;
        let (begun, limit) = (Instant::now(), self.config.timeout);
        let work = self.tasks.spawn(call_end::until(begun + call_end::of_steps(limit), work));
        match timeout_at(begun + limit, work).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_cancelled) => Err(Error::closed()),
            },
            Err(_elapsed) => {
                let text = format!(
                    "the call was not done within {limit:?}, and goes on: look what became of it, or repeat it"
                );
                Err(Error::new(ErrorKind::UnknownOutcome, text))
            }
        }
    }

    /// Checks that the store takes calls.
    ///
    /// One that was opened takes them while MongoDB is away, too: they wait for it within their
    /// time, as an election is over in a few seconds.
    pub(super) fn check_open(&self) -> Result<()> {
        if self.tasks.is_closed() {
            return Err(Error::closed());
        }
        match &*self.state.borrow() {
            State::Down { reason } if self.generation().is_none() => {
                Err(Error::new(ErrorKind::Unavailable, reason.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// Returns the generation of the store, once it is open.
    pub(super) fn generation(&self) -> Option<u64> {
        Some(self.generation.load(Ordering::Acquire)).filter(|generation| *generation != 0)
    }

    /// Notes the generation of the store, and returns whether it was open as another one.
    ///
    /// A database that somebody has dropped comes back as another one. What is known of the rows
    /// and boxes of the one before is forgotten then. The ends of boxes are not: no sequence that
    /// a reader of that one has seen is given out again.
    pub(super) fn open_as(&self, generation: u64) -> bool {
        // One that nobody has noted counts as one, too.
        let generation = generation.max(1);
        let before = self.generation.swap(generation, Ordering::AcqRel);
        let is_other = before != 0 && before != generation;
        if is_other {
            self.rows.clear();
            self.upkeep.clear();
        }
        is_other
    }

    /// Sets how the store is, unless it was shut down; returns whether that is new.
    pub(super) fn set_state(&self, new: State) -> bool {
        self.state.send_if_modified(|state| {
            // What ends a store ends its state, too.
            let is_new = *state != new && !self.tasks.is_closed();
            if is_new {
                *state = new;
            }
            is_new
        })
    }
}
