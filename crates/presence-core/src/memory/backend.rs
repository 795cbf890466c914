//! The backend in memory: the calls.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::config::Config;
use super::shared::Shared;
use crate::backend::{Backend, LastSeen};
use crate::batch::BatchError;
use crate::error::{Error, ErrorKind};
use crate::event::{Since, Status};
use crate::events::Events;
use crate::feed::LogReader;
use crate::name::{Device, Id};
use crate::page::{Cursor, IdPage};
use crate::state::State;
use crate::tracker::{STRIPES, keep_running};

/// The backend in memory, for one process.
///
/// See the [module documentation](super) for what it promises beyond [`Backend`].
#[derive(Debug)]
pub struct Memory {
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

impl Memory {
    /// Starts a backend in which everybody is offline.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if a setting is out of bounds, or outside a tokio runtime.
    #[expect(clippy::needless_pass_by_value, reason = "all that starts takes its configuration by value")]
    pub fn start(config: Config) -> Result<Self, Error> {
        let timing = config.validate()?;
        let runtime = Handle::try_current().map_err(|source| {
            Error::with_source(ErrorKind::Config, "presence must be started inside a tokio runtime", source)
        })?;
        let shared = Arc::new(Shared::new(&config, timing));
        let tasks = TaskTracker::new();
        let (swept, told) = (Arc::clone(&shared), Arc::clone(&shared));
        let sweep = move || {
            let shared = Arc::clone(&swept);
            async move { shared.sweep().await }
        };
        let sweep = keep_running(SWEEP, shared.stop.clone(), sweep, move |why| told.note_sweep(why));
        tasks.spawn_on(sweep, &runtime);
        tasks.close();
        Ok(Self { shared, tasks })
    }

    pub(super) fn open(&self) -> Result<&Arc<Shared>, Error> {
        self.shared.check_open()?;
        Ok(&self.shared)
    }
}

// Each call is one critical section per id; none waits for anything.
#[async_trait]
impl Backend for Memory {
    async fn online(&self, ids: &[Id]) -> Result<(), BatchError> {
        self.shared.check_open().map_err(|error| BatchError::all(ids, &error))?;
        self.shared.tracker.beat(ids, &mut Vec::new());
        Ok(())
    }

    async fn offline(&self, ids: &[Id]) -> Result<(), BatchError> {
        self.shared.check_open().map_err(|error| BatchError::all(ids, &error))?;
        self.shared.tracker.end_all(ids);
        Ok(())
    }

    async fn beat_device(&self, id: &Id, device: &Device) -> Result<(), Error> {
        self.shared.check_open()?;
        self.shared.tracker.beat_device(id, device);
        Ok(())
    }

    async fn hold_device(&self, id: &Id, device: &Device) -> Result<(), Error> {
        self.shared.check_open()?;
        self.shared.tracker.hold_device(id, device);
        Ok(())
    }

    async fn end_device(&self, id: &Id, device: &Device) -> Result<(), Error> {
        self.shared.check_open()?;
        self.shared.tracker.end_device(id, device);
        Ok(())
    }

    async fn status(&self, ids: &[Id]) -> Result<Vec<Status>, BatchError<Vec<Status>>> {
        self.shared.check_open().map_err(|error| BatchError::all_unread(ids, &error))?;
        let status = |id| if self.shared.tracker.is_online(id) { Status::Online } else { Status::Offline };
        Ok(ids.iter().map(status).collect())
    }

    async fn last_seen(&self, ids: &[Id]) -> Result<Vec<LastSeen>, BatchError<Vec<LastSeen>>> {
        self.shared.check_open().map_err(|error| BatchError::all_unread(ids, &error))?;
        let tracker = &self.shared.tracker;
        let seen = |id| tracker.seen(id).map(|seen| tracker.clock().wall(seen));
        Ok(ids.iter().map(seen).collect())
    }

    async fn online_ids(&self, cursor: Cursor, limit: usize) -> Result<IdPage, Error> {
        self.shared.check_open()?;
        let first = usize::try_from(cursor.shard()).unwrap_or(usize::MAX);
        if first >= STRIPES {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "the cursor comes from another backend; list again from the first page",
            ));
        }
        // A cursor is a stripe and a place in its slab. Places never move, so who is online all the
        // while is listed, whoever comes and goes.
        let (mut kept, mut offset, mut next) = (Vec::new(), cursor.offset(), None);
        for (number, stripe) in (cursor.shard()..).zip(first..STRIPES) {
            let more = self.shared.tracker.list(stripe, offset, limit, &mut kept);
            next = more.map(|offset| Cursor::new(number, offset));
            if next.is_some() {
                break;
            }
            offset = 0;
        }
        Ok(IdPage::new(kept.into_iter().map(|kept| kept.name).collect(), next))
    }

    async fn count(&self) -> Result<u64, Error> {
        self.shared.check_open()?;
        Ok((0..STRIPES).map(|stripe| self.shared.tracker.online(stripe) as u64).sum())
    }

    async fn events(&self, since: Since) -> Result<Events, Error> {
        self.shared.check_open()?;
        Ok(Events::new(LogReader::stream(Arc::clone(&self.shared), since)))
    }

    fn state(&self) -> watch::Receiver<State> {
        self.shared.state.subscribe()
    }

    async fn shutdown(&self, grace: Duration) -> bool {
        self.shared.close();
        timeout(grace, self.tasks.wait()).await.is_ok()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.shared.close();
    }
}

/// What the one task is called in a state.
const SWEEP: &str = "the task that reports who has fallen silent";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tracker::told;

    #[tokio::test(start_paused = true)]
    async fn a_sweep_that_panics_is_told_and_begun_again() {
        let config = Config::default().ttl(Duration::from_secs(2)).grace(Duration::ZERO);
        let memory = Memory::start(config).unwrap();
        let (mut state, alice) = (Backend::state(&memory), [Id::new("alice").unwrap()]);
        memory.online(&alice).await.unwrap();
        told::panic_in(SWEEP);
        let down = state.wait_for(|state| !state.is_well()).await.unwrap().clone();
        assert!(matches!(down, State::Down { .. }) && down.to_string().contains("panicked"), "{down}");
        state.wait_for(State::is_well).await.unwrap();
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(memory.status(&alice).await.unwrap(), [Status::Offline]);
        assert!(Backend::shutdown(&memory, Duration::from_secs(1)).await);
        assert_eq!(*state.borrow(), State::closed());
    }
}
