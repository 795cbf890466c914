//! The backend in memory: the calls.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

use super::config::Config;
use super::core::Core;
use super::subscription::Subscription;
use super::sweeper;
use crate::backend::{Backend, LastSeen};
use crate::batch::BatchError;
use crate::error::{Error, ErrorKind};
use crate::event::{Since, Status};
use crate::events::Events;
use crate::name::{Device, Id};
use crate::page::{Cursor, Page};

/// The backend in memory, for one process.
///
/// See the [module documentation](super) for what it promises beyond [`Backend`].
#[derive(Debug)]
pub struct Memory {
    core: Arc<Core>,
    tasks: TaskTracker,
}

impl Memory {
    /// Starts a backend in which everybody is offline.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if a setting is out of bounds, or outside a tokio runtime.
    pub fn start(config: &Config) -> Result<Self, Error> {
        let timing = config.check()?;
        let runtime = Handle::try_current()
            .map_err(|source| Error::with_source(ErrorKind::Config, "presence needs a runtime", source))?;
        let core = Arc::new(Core::new(config, timing));
        let tasks = TaskTracker::new();
        tasks.spawn_on(sweeper::run(Arc::clone(&core)), &runtime);
        tasks.close();
        Ok(Self { core, tasks })
    }
}

// Each call is one critical section per id; none waits for anything.
#[async_trait]
impl Backend for Memory {
    async fn online(&self, ids: &[Id]) -> Result<(), BatchError> {
        self.core.check_open().map_err(|error| BatchError::all(ids, &error))?;
        if self.core.beat(ids) {
            self.core.announce();
        }
        Ok(())
    }

    async fn offline(&self, ids: &[Id]) -> Result<(), BatchError> {
        self.core.check_open().map_err(|error| BatchError::all(ids, &error))?;
        let (now, mut changed) = (self.core.clock.now(), false);
        for id in ids {
            let key = self.core.key(id);
            let mut shard = self.core.shard(key);
            if let Some(cause) = shard.end(key, now) {
                self.core.record(id, cause);
                changed = true;
            }
        }
        if changed {
            self.core.announce();
        }
        Ok(())
    }

    async fn online_device(&self, id: &Id, device: &Device) -> Result<(), Error> {
        self.core.check_open()?;
        let (key, now) = (self.core.key(id), self.core.clock.now());
        let mut shard = self.core.shard(key);
        if let Some(cause) = shard.beat_device(key, device, now) {
            self.core.record(id, cause);
            drop(shard);
            self.core.announce();
        }
        Ok(())
    }

    async fn hold_device(&self, id: &Id, device: &Device) -> Result<(), Error> {
        self.core.check_open()?;
        let (key, now) = (self.core.key(id), self.core.clock.now());
        let mut shard = self.core.shard(key);
        if let Some(cause) = shard.hold_device(key, device, now) {
            self.core.record(id, cause);
            drop(shard);
            self.core.announce();
        }
        Ok(())
    }

    async fn offline_device(&self, id: &Id, device: &Device) -> Result<(), Error> {
        self.core.check_open()?;
        let (key, now) = (self.core.key(id), self.core.clock.now());
        let mut shard = self.core.shard(key);
        if let Some(cause) = shard.end_device(key, device, now) {
            self.core.record(id, cause);
        }
        drop(shard);
        // Also without an event: the grace time has begun, and the sweeper may be resting.
        self.core.announce();
        Ok(())
    }

    async fn status(&self, ids: &[Id]) -> Result<Vec<Status>, BatchError<Vec<Status>>> {
        self.core.check_open().map_err(|error| BatchError::all_unread(ids, &error))?;
        let status = |id| {
            let key = self.core.key(id);
            if self.core.shard(key).is_online(key) { Status::Online } else { Status::Offline }
        };
        Ok(ids.iter().map(status).collect())
    }

    async fn last_seen(&self, ids: &[Id]) -> Result<Vec<LastSeen>, BatchError<Vec<LastSeen>>> {
        self.core.check_open().map_err(|error| BatchError::all_unread(ids, &error))?;
        let now = self.core.clock.now();
        let seen = |id| {
            let key = self.core.key(id);
            let seen = self.core.shard(key).seen(key, now);
            seen.map(|seen| self.core.clock.wall(seen))
        };
        Ok(ids.iter().map(seen).collect())
    }

    async fn online_ids(&self, cursor: Cursor, limit: usize) -> Result<Page, Error> {
        self.core.check_open()?;
        let first = usize::try_from(cursor.shard()).unwrap_or(usize::MAX);
        if first >= Config::SHARDS {
            return Err(Error::new(ErrorKind::InvalidInput, "cursor is not one of this backend"));
        }
        let mut ids = Vec::new();
        let mut offset = cursor.offset();
        for (number, shard) in (cursor.shard()..).zip(&self.core.shards()[first..]) {
            if let Some(offset) = shard.lock().list(offset, limit, &mut ids) {
                return Ok(Page::new(ids, Some(Cursor::new(number, offset))));
            }
            offset = 0;
        }
        Ok(Page::new(ids, None))
    }

    async fn count(&self) -> Result<u64, Error> {
        self.core.check_open()?;
        Ok(self.core.shards().iter().map(|shard| shard.lock().online() as u64).sum())
    }

    async fn events(&self, since: Since) -> Result<Events, Error> {
        self.core.check_open()?;
        Ok(Events::new(Subscription::new(Arc::clone(&self.core), since).into_stream()))
    }

    async fn close(&self) {
        self.core.close();
        self.tasks.wait().await;
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.core.close();
    }
}
