//! The leases layout: the calls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use presence_core::{
    Backend, BatchError, Cursor, Device, Error, ErrorKind, Events, Failure, Id, IdPage, LastSeen, Since,
    State, Status,
};
use tokio::runtime::Handle;
use tokio::sync::{OnceCell, watch};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::config::Config;
use super::ids::IdLogs;
use super::mail;
use super::shared::Shared;
use super::subscription::Subscription;
use crate::policy::{self, EvictableKeys};

/// Presence on Redis in the leases layout.
///
/// See the [module documentation](super) for what it promises beyond [`Backend`].
#[derive(Debug)]
pub struct Leases {
    pub(super) shared: Arc<Shared>,
    pub(super) rooms: Arc<mail::Rooms>,
    /// Everything but the followers and who waits for their end.
    pub(super) tasks: TaskTracker,
    pub(super) followers: TaskTracker,
    /// The task that waits for the end of the others.
    ending: TaskTracker,
    following: OnceCell<()>,
    pub(super) following_rooms: OnceCell<()>,
    /// Cancelled when nothing is written any more.
    pub(super) drain: CancellationToken,
    pub(super) runtime: Handle,
}

impl Leases {
    /// How late an offline event may be on an idle machine.
    ///
    /// Deadlines are looked at every 10 ms, and Redis has to hear of it.
    pub const LATENESS: Duration = Duration::from_millis(50);

    /// Connects to Redis and joins the other processes.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if a setting is out of bounds, does not fit the data in Redis
    /// or is refused by it, or outside a tokio runtime; [`Unavailable`](ErrorKind::Unavailable) if
    /// Redis cannot be reached.
    pub async fn start(config: Config) -> Result<Self, Error> {
        let runtime = Handle::try_current().map_err(|source| {
            Error::with_source(ErrorKind::Config, "presence must be started inside a tokio runtime", source)
        })?;
        let shared = Arc::new(Shared::open(config).await?);
        let (tasks, followers, drain) = (TaskTracker::new(), TaskTracker::new(), CancellationToken::new());
        let leases = Self {
            shared,
            rooms: Arc::default(),
            tasks,
            followers,
            ending: TaskTracker::new(),
            following: OnceCell::new(),
            following_rooms: OnceCell::new(),
            drain,
            runtime,
        };
        leases.spawn();
        // The start waits until every shard knows this process, so that the first call finds
        // everything ready.
        let until = Instant::now() + leases.shared.patience();
        let entered = leases.shared.shards.iter().map(|shard| shard.entered(until));
        let entered = futures_util::future::join_all(entered).await;
        let failed: Vec<_> = entered.iter().filter_map(|entered| entered.as_ref().err()).collect();
        let wrong = failed.iter().find(|error| error.kind() == ErrorKind::Config);
        match wrong.or_else(|| failed.first()) {
            None => Ok(leases),
            // One master that is away is no reason not to serve those whose ids are with the
            // others.
            Some(error)
                if wrong.is_none() && leases.shared.link.is_cluster() && failed.len() < entered.len() =>
            {
                tracing::warn!(
                    shards = entered.len(),
                    away = failed.len(),
                    error = %format_args!("{error:#}"),
                    "presence starts without some of its shards; calls about their ids fail until redis \
                     answers for them"
                );
                Ok(leases)
            }
            Some(error) => Err((*error).clone()),
        }
    }

    fn spawn(&self) {
        self.keep_space(&self.shared);
        self.keep_process();
        self.tasks.close();
        // Streams end after everything was written and they have read it:
        //
        //  closing: calls are refused, the writers say what is left
        //     └─ all tasks are over ─► drain: the followers read what was written
        //                                └─ they are over ─► ended: the streams end
        let (shared, tasks, drain) = (Arc::clone(&self.shared), self.tasks.clone(), self.drain.clone());
        let followers = self.followers.clone();
        let end = async move {
            shared.closing.cancelled().await;
            tasks.wait().await;
            drain.cancel();
            followers.close();
            followers.wait().await;
            shared.ended.cancel();
        };
        self.ending.spawn_on(end, &self.runtime);
        self.ending.close();
    }

    fn stop(&self) {
        self.shared.closing.cancel();
        self.shared.health.close();
    }

    /// Makes sure that events are read.
    async fn follow(&self) -> Result<(), Error> {
        let count = self.shared.groups().len();
        self.following.get_or_init(|| async { self.keep_followers(&self.shared) }).await;
        let mut following = self.shared.following.subscribe();
        let begun = following.wait_for(|following| *following >= count);
        match timeout_at(Instant::now() + self.shared.patience(), begun).await {
            Ok(_) => Ok(()),
            Err(_) => {
                let (error, shards) = (self.shared.error(), self.shared.shards.len());
                let message =
                    format!("a stream needs all {shards} shards, and some of them cannot be read: {error}");
                Err(Error::with_source(ErrorKind::Unavailable, message, error))
            }
        }
    }
}

#[async_trait]
impl Backend for Leases {
    async fn online(&self, ids: &[Id]) -> Result<(), BatchError> {
        self.shared.check_open().map_err(|error| BatchError::all(ids, &error))?;
        let shared = &self.shared;
        // The order matters: the failures are counted before the heartbeats, so that a failure in
        // between is one of theirs.
        let before: Vec<_> = shared.shards.iter().map(super::shard::Shard::failures).collect();
        let mut unsettled = Vec::new();
        shared.tracker.beat(ids, &mut unsettled);
        let now = shared.tracker.clock().now();
        let is_late = |shard: usize| !shared.shards[shard].is_fresh(now);
        if unsettled.is_empty() && !(0..shared.shards.len()).any(is_late) {
            // Nothing was waited for. A task that does nothing but beat would otherwise never let
            // other tasks have a turn.
            tokio::task::consume_budget().await;
            return Ok(());
        }
        let (ledger, until) = (shared.tracker.ledger(), Instant::now() + shared.patience());
        let mut waits = BTreeMap::new();
        for index in &unsettled {
            let shard = ledger.shard(&ids[*index]);
            waits.entry(shard).or_insert_with(|| {
                (shared.shards[shard].wait_since(before[shard]), ledger.outbox(shard).last())
            });
        }
        let late: BTreeSet<_> =
            ids.iter().map(|id| ledger.shard(id)).filter(|shard| is_late(*shard)).collect();
        let (failed, late) = tokio::join!(shared.wait(waits, until), shared.not_fresh(late, until));
        let unsettled: std::collections::HashSet<_> = unsettled.into_iter().collect();
        let failures = ids.iter().enumerate().filter_map(|(index, id)| {
            let shard = ledger.shard(id);
            let error = if unsettled.contains(&index) {
                failed.get(&shard).cloned().or_else(|| ledger.outbox(shard).why_kept(id))
            } else {
                late.get(&shard).cloned()
            };
            Some(Failure::new(index, id.as_str(), shared.cause(error?)))
        });
        batch(failures.collect())
    }

    async fn offline(&self, ids: &[Id]) -> Result<(), BatchError> {
        self.shared.check_open().map_err(|error| BatchError::all(ids, &error))?;
        let failed = self.shared.expel(ids).await;
        batch(
            failed
                .into_iter()
                .map(|(index, error)| Failure::new(index, ids[index].as_str(), self.shared.cause(error)))
                .collect(),
        )
    }

    async fn beat_device(&self, id: &Id, device: &Device) -> Result<(), Error> {
        self.shared.check_open()?;
        let beat = self.shared.beat(id, || self.shared.tracker.beat_device(id, device)).await;
        beat.map(drop).map_err(|error| self.shared.cause(error))
    }

    async fn hold_device(&self, id: &Id, device: &Device) -> Result<(), Error> {
        self.shared.check_open()?;
        let held = self.shared.beat(id, || self.shared.tracker.hold_device(id, device)).await;
        held.map(drop).map_err(|error| self.shared.cause(error))
    }

    async fn end_device(&self, id: &Id, device: &Device) -> Result<(), Error> {
        self.shared.check_open()?;
        self.shared.end_device(id, device).await.map_err(|error| self.shared.cause(error))
    }

    async fn status(&self, ids: &[Id]) -> Result<Vec<Status>, BatchError<Vec<Status>>> {
        self.shared.check_open().map_err(|error| BatchError::all_unread(ids, &error))?;
        read(self.shared.read(ids, false).await, |known| known.status)
    }

    async fn last_seen(&self, ids: &[Id]) -> Result<Vec<LastSeen>, BatchError<Vec<LastSeen>>> {
        self.shared.check_open().map_err(|error| BatchError::all_unread(ids, &error))?;
        read(self.shared.read(ids, true).await, |known| known.seen)
    }

    async fn online_ids(&self, cursor: Cursor, limit: usize) -> Result<IdPage, Error> {
        self.shared.check_open()?;
        self.shared.list(cursor, limit).await.map_err(|error| self.shared.cause(error))
    }

    async fn count(&self) -> Result<u64, Error> {
        self.shared.check_open()?;
        self.shared.count().await.map_err(|error| self.shared.cause(error))
    }

    async fn events(&self, since: Since) -> Result<Events, Error> {
        self.shared.check_open()?;
        self.follow().await.map_err(|error| self.shared.cause(error))?;
        let open = async {
            let looked = self.shared.look_at_all("a stream").await?;
            Subscription::open(IdLogs(Arc::clone(&self.shared)), looked, since).await
        };
        Ok(Events::new(open.await.map_err(|error| self.shared.cause(error))?))
    }

    fn state(&self) -> watch::Receiver<State> {
        self.shared.health.state()
    }

    async fn warnings(&self) -> Result<Vec<String>, Error> {
        self.shared.check_open()?;
        policy::warnings(&self.shared.link, EvictableKeys::AllButMail)
            .await
            .map_err(|error| self.shared.cause(error))
    }

    async fn shutdown(&self, grace: Duration) -> bool {
        self.stop();
        timeout(grace, self.ending.wait()).await.is_ok()
    }
}

impl Drop for Leases {
    fn drop(&mut self) {
        self.stop();
    }
}

fn batch(failures: Vec<Failure>) -> Result<(), BatchError> {
    if failures.is_empty() { Ok(()) } else { Err(BatchError::new((), failures)) }
}

fn read<K, T>(
    read: Result<Vec<K>, BatchError<Vec<K>>>,
    of: impl Fn(&K) -> T,
) -> Result<Vec<T>, BatchError<Vec<T>>> {
    match read {
        Ok(known) => Ok(known.iter().map(of).collect()),
        Err(error) => {
            let (known, failures) = error.into_parts();
            Err(BatchError::new(known.iter().map(of).collect(), failures))
        }
    }
}
