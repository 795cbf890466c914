//! The throttle: the calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::batcher::{BatchTask, Batcher};
use super::config::Config;
use super::forwarder::{Forwarder, Passing};
use super::health::Health;
use super::refresh_entry::RefreshId;
use super::refresh_table::{Ask, RefreshTable};
use crate::backend::{Backend, LastSeen};
use crate::batch::BatchError;
use crate::error::{Error, ErrorKind};
use crate::event::{Since, Status, Update};
use crate::events::Events;
use crate::name::{Device, Id};
use crate::page::{Cursor, IdPage};
use crate::state::State;
use crate::tracker::keep_running;

/// A backend that lets few of the heartbeats through to another one.
///
/// See the [module documentation](super) for what it changes about the inner backend.
#[derive(Debug)]
pub struct Throttled {
    inner: Arc<dyn Backend>,
    known: Arc<RefreshTable>,
    batcher: Batcher,
    passing: Passing,
    /// How many heartbeats of devices went through.
    asked: AtomicU64,
    tasks: TaskTracker,
    /// The task that waits for the end of the others, and then ends the inner backend.
    ending: TaskTracker,
    runtime: Handle,
    stop: CancellationToken,
    /// The same as `stop`, at the price of one load.
    closed: AtomicBool,
    health: Arc<Health>,
}

impl Throttled {
    /// Starts a throttle in front of `inner`, whose events it follows from here on.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if a setting is out of bounds, or outside a tokio runtime;
    /// what `inner` says if its events cannot begin.
    pub async fn start(config: Config, inner: impl Backend) -> Result<Self, Error> {
        config.validate()?;
        let runtime = Handle::try_current().map_err(|source| {
            Error::with_source(ErrorKind::Config, "presence must be started inside a tokio runtime", source)
        })?;
        let inner: Arc<dyn Backend> = Arc::new(inner);
        let events = inner.events(Since::Now).await?;
        let known = Arc::new(RefreshTable::new(&config));
        let (batcher, courier) = Batcher::new(&config, Arc::clone(&inner), Arc::clone(&known));
        let (keeper, passing) = Forwarder::new(&config, Arc::clone(&inner), Arc::clone(&known));
        let health = Arc::new(Health::new(inner.state().borrow().clone()));
        let (asked, closed, ending) = (AtomicU64::new(0), AtomicBool::new(false), TaskTracker::new());
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let throttled =
            Self { inner, known, batcher, passing, asked, tasks, ending, runtime, stop, closed, health };
        throttled.spawn(events, Arc::new(courier), Arc::new(keeper));
        Ok(throttled)
    }

    fn spawn(&self, events: Events, courier: Arc<BatchTask>, keeper: Arc<Forwarder>) {
        let stop = self.stop.clone();
        self.keep("the task that sends heartbeats", move || Arc::clone(&courier).run(stop.clone()));
        let stop = self.stop.clone();
        self.keep("the task that passes heartbeats on", move || Arc::clone(&keeper).run(stop.clone()));
        let (inner, known) = (Arc::clone(&self.inner), Arc::clone(&self.known));
        let (mut events, stop) = (Some(events), self.stop.clone());
        self.keep(LISTENER, move || {
            let listening = listen(events.take(), Arc::clone(&inner), Arc::clone(&known), stop.clone());
            stop.clone().run_until_cancelled_owned(listening).map(drop)
        });
        let (health, inner, stop) = (Arc::clone(&self.health), self.inner.state(), self.stop.clone());
        self.keep("the task that follows the state of the store", move || {
            let (health, inner, stop) = (Arc::clone(&health), inner.clone(), stop.clone());
            async move {
                stop.run_until_cancelled(health.follow(inner)).await;
                stop.cancelled().await;
            }
        });
        self.tasks.close();
    }

    /// Runs a task until the stop, and begins it again when it panics.
    fn keep<F>(&self, part: &'static str, begin: impl FnMut() -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (known, health) = (Arc::clone(&self.known), Arc::clone(&self.health));
        let tell = move |why: Option<String>| {
            match &why {
                Some(_) if part == LISTENER => known.hear_nothing(),
                // Nobody knows whether the heartbeats that the task had in hand were taken.
                Some(_) => known.doubt_all(),
                None => {}
            }
            health.part(part, why);
        };
        self.tasks.spawn_on(keep_running(part, self.stop.clone(), begin, tell), &self.runtime);
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Closed, "presence was shut down"));
        }
        Ok(())
    }

    /// Refuses calls from here on, and says whether none were refused before.
    fn stop(&self) -> bool {
        let first = !self.closed.swap(true, Ordering::Relaxed);
        self.stop.cancel();
        self.health.close();
        first
    }

    /// Ends the inner backend once the heartbeats that were accepted have gone through, or when
    /// `grace` is over.
    ///
    /// A task of its own, so that the end comes also if nobody waits for it.
    fn end_inner(&self, grace: Duration) {
        let (inner, tasks) = (Arc::clone(&self.inner), self.tasks.clone());
        let end = async move {
            let begun = Instant::now();
            // The tasks may be late. Their calls end in any case when the inner backend does.
            drop(timeout(grace, tasks.wait()).await);
            if !inner.shutdown(grace.saturating_sub(begun.elapsed())).await {
                // The inner backend goes on to end by itself, and a second shutdown waits for the
                // same end.
                inner.shutdown(Duration::MAX).await;
            }
            tasks.wait().await;
        };
        self.ending.spawn_on(end, &self.runtime);
        self.ending.close();
    }

    /// Makes up for the heartbeats that the inner backend does not know of.
    fn correct_seen(&self, ids: &[Id], seen: &mut [LastSeen]) {
        for (id, seen) in ids.iter().zip(seen) {
            if let (Some(seen), Some(here)) = (seen, self.known.seen(id)) {
                *seen = self.known.clock().wall(here).max(*seen);
            }
        }
    }
}

/// Forgets who goes offline, and doubts everybody whenever that may have been missed.
///
/// Without `events` it follows those that come from here on.
async fn listen(
    events: Option<Events>,
    inner: Arc<dyn Backend>,
    known: Arc<RefreshTable>,
    stop: CancellationToken,
) {
    let mut events = match events {
        Some(events) => events,
        None => {
            // If this fails the task is started again after a pause.
            let Ok(events) = inner.events(Since::Now).await else { return };
            known.hear_again();
            events
        }
    };
    while let Some(update) = events.next().await {
        match update {
            Ok(Update::Change(event)) if event.status == Status::Offline => known.forget(&event.id),
            Ok(_) => {}
            Err(_) => known.doubt_all(),
        }
    }
    // The inner backend has ended.
    known.forget_for_good();
    stop.cancelled().await;
}

/// The task without which nobody says who goes offline.
const LISTENER: &str = "the task that hears who goes offline";

/// A heartbeat of a device that goes through; counts as failed unless it is known to be done.
struct Asking<'a> {
    known: &'a RefreshTable,
    id: &'a Id,
    device: &'a Device,
    token: RefreshId,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.known.learn(self.id, Some(self.device), self.token, 0, false);
    }
}

#[async_trait]
impl Backend for Throttled {
    async fn online(&self, ids: &[Id]) -> Result<(), BatchError> {
        self.check_open().map_err(|error| BatchError::all(ids, &error))?;
        let stale = self.known.stale(ids);
        if stale.is_empty() {
            return Ok(());
        }
        let failures = self.batcher.refresh(ids, &stale).await;
        if failures.is_empty() { Ok(()) } else { Err(BatchError::new((), failures)) }
    }

    async fn offline(&self, ids: &[Id]) -> Result<(), BatchError> {
        self.check_open().map_err(|error| BatchError::all(ids, &error))?;
        // The ids are forgotten twice. Before the call, as the caller may not wait for its end; and
        // after it, as heartbeats may have gone through in between.
        ids.iter().for_each(|id| self.known.forget(id));
        self.passing.none_of(ids).await;
        let result = self.inner.offline(ids).await;
        ids.iter().for_each(|id| self.known.forget(id));
        result
    }

    async fn beat_device(&self, id: &Id, device: &Device) -> Result<(), Error> {
        self.check_open()?;
        let token = RefreshId { batch: self.asked.fetch_add(1, Ordering::Relaxed), index: 0 };
        let sent = self.known.now();
        if self.known.ask_device(id, device, token) == Ask::Fresh {
            return Ok(());
        }
        let asking = Asking { known: &self.known, id, device, token };
        let result = self.inner.beat_device(id, device).await;
        if result.is_ok() {
            self.known.learn(id, Some(device), token, sent, true);
        }
        drop(asking);
        result
    }

    async fn hold_device(&self, id: &Id, device: &Device) -> Result<(), Error> {
        self.check_open()?;
        self.inner.hold_device(id, device).await
    }

    async fn end_device(&self, id: &Id, device: &Device) -> Result<(), Error> {
        self.check_open()?;
        self.known.forget_device(id, device);
        self.passing.none_of(std::slice::from_ref(id)).await;
        let result = self.inner.end_device(id, device).await;
        self.known.forget_device(id, device);
        result
    }

    async fn status(&self, ids: &[Id]) -> Result<Vec<Status>, BatchError<Vec<Status>>> {
        self.check_open().map_err(|error| BatchError::all_unread(ids, &error))?;
        self.inner.status(ids).await
    }

    async fn last_seen(&self, ids: &[Id]) -> Result<Vec<LastSeen>, BatchError<Vec<LastSeen>>> {
        self.check_open().map_err(|error| BatchError::all_unread(ids, &error))?;
        match self.inner.last_seen(ids).await {
            Ok(mut seen) => {
                self.correct_seen(ids, &mut seen);
                Ok(seen)
            }
            Err(error) => {
                let (mut seen, failures) = error.into_parts();
                self.correct_seen(ids, &mut seen);
                Err(BatchError::new(seen, failures))
            }
        }
    }

    async fn online_ids(&self, cursor: Cursor, limit: usize) -> Result<IdPage, Error> {
        self.check_open()?;
        self.inner.online_ids(cursor, limit).await
    }

    async fn count(&self) -> Result<u64, Error> {
        self.check_open()?;
        self.inner.count().await
    }

    async fn events(&self, since: Since) -> Result<Events, Error> {
        self.check_open()?;
        self.inner.events(since).await
    }

    fn state(&self) -> watch::Receiver<State> {
        self.health.state()
    }

    async fn warnings(&self) -> Result<Vec<String>, Error> {
        self.check_open()?;
        self.inner.warnings().await
    }

    async fn shutdown(&self, grace: Duration) -> bool {
        if self.stop() {
            self.end_inner(grace);
        }
        timeout(grace, self.ending.wait()).await.is_ok()
    }
}

impl Drop for Throttled {
    fn drop(&mut self) {
        self.stop.cancel();
        self.health.close();
    }
}
