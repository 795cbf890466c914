//! What all parts of a distributed store share.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::changes::Turns;
use super::config::Config;
use super::database::Database;
use super::intents::Intents;
use super::keeper::Upkeep;
use super::node_id::NodeId;
use super::read::Holes;
use super::rows::RowsCache;
use super::sequencer::Sequencer;
use super::telling::Teller;
use crate::store::InboxWatchers;
use crate::{Error, Result, State};

/// What all parts of a distributed store share.
///
/// The parts that are fields know nothing of it; what needs several of them takes it by reference.
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) database: Database,
    pub(super) sequencer: Sequencer,
    pub(super) intents: Intents,
    pub(super) watchers: InboxWatchers,
    pub(super) teller: Teller,
    pub(super) holes: Holes,
    pub(super) rows: RowsCache,
    pub(super) turns: Turns,
    pub(super) upkeep: Upkeep,
    pub(super) node: NodeId,
    pub(super) state: watch::Sender<State>,
    /// The calls and the tasks that are under way; closed by a shutdown.
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
}

impl Shared {
    /// Runs work to its end, also when the caller is dropped.
    pub(super) async fn whole<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        self.check_open()?;
        match self.tasks.spawn(work).await {
            Ok(answer) => answer,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_cancelled) => Err(Error::closed()),
            },
        }
    }

    /// Checks that the store takes calls.
    pub(super) fn check_open(&self) -> Result<()> {
        if self.tasks.is_closed() {
            return Err(Error::closed());
        }
        match &*self.state.borrow() {
            State::Down { reason } => Err(Error::new(crate::ErrorKind::Unavailable, reason.to_string())),
            _ => Ok(()),
        }
    }
}
