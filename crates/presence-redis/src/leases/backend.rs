//! The leases layout: the calls.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use presence_core::beings::{Beat, Ended};
use presence_core::{
    Backend, BatchError, Cursor, Device, Error, ErrorKind, Events, Failure, Id, LastSeen, Page, Since, Status,
};
use redis::Value;
use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::config::Config;
use super::core::Core;
use super::follower::Follower;
use super::mail;
use super::outbox::{Answer, Reply, Ticket, What};
use super::reader::recovering;
use super::scripts::decode;
use super::shard::Wait;
use super::subscription::Subscription;
use super::writer::Writer;

/// Presence on Redis in the leases layout.
///
/// See the [module documentation](super) for what it promises beyond [`Backend`].
#[derive(Debug)]
pub struct Leases {
    core: Arc<Core>,
    /// Everything but the followers and who waits for their end.
    tasks: TaskTracker,
    followers: TaskTracker,
    following: OnceCell<()>,
    /// Cancelled when nothing is written any more.
    drain: CancellationToken,
    runtime: Handle,
}

impl Leases {
    /// How late an offline event may be on an idle machine: deadlines are looked at every 10 ms, and Redis has to hear of it.
    pub const LATENESS: Duration = Duration::from_millis(50);

    /// Connects to Redis and takes part.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if a setting is out of bounds, does not fit the data in Redis or is refused by it,
    /// or outside a tokio runtime; [`Unavailable`](ErrorKind::Unavailable) if Redis cannot be reached.
    pub async fn start(config: &Config) -> Result<Self, Error> {
        let runtime = Handle::try_current()
            .map_err(|source| Error::with_source(ErrorKind::Config, "presence needs a runtime", source))?;
        let core = Arc::new(Core::open(config).await?);
        let (tasks, followers, drain) = (TaskTracker::new(), TaskTracker::new(), CancellationToken::new());
        let leases = Self { core, tasks, followers, following: OnceCell::new(), drain, runtime };
        leases.spawn();
        // Known to every shard, so that the first call finds everything ready.
        let until = Instant::now() + config.connect.timeout;
        let lives: Vec<_> = leases.core.shards.iter().map(|shard| shard.life(until)).collect();
        futures_util::future::try_join_all(lives).await?;
        Ok(leases)
    }

    fn spawn(&self) {
        for number in 0..self.core.shards.len() {
            self.tasks.spawn_on(Writer::new(Arc::clone(&self.core), number).run(), &self.runtime);
        }
        self.tasks.spawn_on(mail::run(Arc::clone(&self.core)), &self.runtime);
        let core = Arc::clone(&self.core);
        self.tasks.spawn_on(async move { core.beings.sweep(&core.closing).await }, &self.runtime);
        self.tasks.close();
        // Streams end when everything was written, and read again.
        let (core, tasks, drain) = (Arc::clone(&self.core), self.tasks.clone(), self.drain.clone());
        let followers = self.followers.clone();
        self.runtime.spawn(async move {
            core.closing.cancelled().await;
            tasks.wait().await;
            drain.cancel();
            followers.close();
            followers.wait().await;
            core.tail.ended.cancel();
        });
    }

    /// Makes sure that events are read.
    async fn follow(&self) -> Result<(), Error> {
        let followers = Follower::all(&self.core, &self.drain);
        let count = followers.len();
        let start = async {
            for follower in followers {
                self.followers.spawn_on(follower.run(), &self.runtime);
            }
        };
        self.following.get_or_init(|| start).await;
        let mut news = self.core.tail.news();
        let begun = news.wait_for(|news| news.begun >= count);
        match timeout_at(Instant::now() + self.core.patience(), begun).await {
            Ok(_) => Ok(()),
            Err(_) => Err(self.core.shards[0].error()),
        }
    }

    /// Waits for steps that were just pushed, and says what failed by shard.
    async fn wait(&self, waits: BTreeMap<usize, (Wait, Ticket)>) -> HashMap<usize, Error> {
        let until = Instant::now() + self.core.patience();
        let waits = waits.into_iter().map(|(shard, (wait, ticket))| async move {
            let error = wait.until(ticket, until).await.err()?;
            Some((shard, error))
        });
        futures_util::future::join_all(waits).await.into_iter().flatten().collect()
    }

    /// Waits until everything about an id that was recorded up to now is written.
    async fn wait_for(&self, id: &Id, wait: Wait) -> Result<(), Error> {
        let ledger = self.core.beings.ledger();
        let ticket = ledger.outbox(ledger.shard(id)).last();
        wait.until(ticket, Instant::now() + self.core.patience()).await
    }

    /// Says whether heartbeats of a shard are taken for good.
    fn check_fresh(&self, shard: usize) -> Result<(), Error> {
        let shard = &self.core.shards[shard];
        if shard.is_fresh(self.core.beings.clock().now()) { Ok(()) } else { Err(shard.error()) }
    }

    async fn device(&self, id: &Id, beat: impl FnOnce() -> Beat) -> Result<(), Error> {
        self.core.check_open()?;
        let shard = self.core.beings.ledger().shard(id);
        let wait = self.core.shards[shard].wait();
        if beat().settled { self.check_fresh(shard) } else { self.wait_for(id, wait).await }
    }
}

#[async_trait]
impl Backend for Leases {
    async fn online(&self, ids: &[Id]) -> Result<(), BatchError> {
        self.core.check_open().map_err(|error| BatchError::all(ids, &error))?;
        let core = &self.core;
        // Before the heartbeats: a failure in between is theirs.
        let before: Vec<_> = core.shards.iter().map(super::shard::Shard::failures).collect();
        let mut unsettled = Vec::new();
        core.beings.beat(ids, &mut unsettled);
        let now = core.beings.clock().now();
        let stale = core.shards.iter().any(|shard| !shard.is_fresh(now));
        if unsettled.is_empty() && !stale {
            // Nothing was waited for: whoever does nothing but beat lets the others have a turn.
            tokio::task::consume_budget().await;
            return Ok(());
        }
        let ledger = core.beings.ledger();
        let mut waits = BTreeMap::new();
        for place in &unsettled {
            let shard = ledger.shard(&ids[*place]);
            waits.entry(shard).or_insert_with(|| {
                (core.shards[shard].wait_since(before[shard]), ledger.outbox(shard).last())
            });
        }
        let failed = self.wait(waits).await;
        let unsettled: std::collections::HashSet<_> = unsettled.into_iter().collect();
        let failures = ids.iter().enumerate().filter_map(|(place, id)| {
            let shard = ledger.shard(id);
            let error = if unsettled.contains(&place) {
                failed.get(&shard).cloned()
            } else {
                self.check_fresh(shard).err()
            };
            Some(Failure::new(place, id.as_str(), error?))
        });
        batch(failures.collect())
    }

    async fn offline(&self, ids: &[Id]) -> Result<(), BatchError> {
        self.core.check_open().map_err(|error| BatchError::all(ids, &error))?;
        let (beings, answers) = (&self.core.beings, Arc::new(Mutex::new(Vec::new())));
        let mut waits = BTreeMap::new();
        for (place, id) in ids.iter().enumerate() {
            let shard = beings.ledger().shard(id);
            let (_, ticket) = waits.entry(shard).or_insert_with(|| (self.core.shards[shard].wait(), 0));
            beings.forget_if(id, |_| {
                let what = What::Explicit(Reply { place, answers: Arc::clone(&answers) });
                *ticket = beings.ledger().push(shard, id.clone(), what);
                true
            });
        }
        let failed = self.wait(waits).await;
        let mut failures: Vec<_> = ids
            .iter()
            .enumerate()
            .filter_map(|(place, id)| {
                let error = failed.get(&beings.ledger().shard(id))?;
                Some(Failure::new(place, id.as_str(), error.clone()))
            })
            .collect();
        let mut told: HashMap<String, Vec<Id>> = HashMap::new();
        for (place, answer) in std::mem::take(&mut *answers.lock()) {
            match answer {
                Answer::Recovering => failures.push(Failure::new(place, ids[place].as_str(), recovering())),
                Answer::Others(processes) => {
                    for process in processes.into_iter().filter(|process| !self.core.is_me(process)) {
                        told.entry(process).or_default().push(ids[place].clone());
                    }
                }
            }
        }
        if !told.is_empty() {
            self.core.tell_left(told).await;
        }
        batch(failures)
    }

    async fn online_device(&self, id: &Id, device: &Device) -> Result<(), Error> {
        self.device(id, || self.core.beings.beat_device(id, device)).await
    }

    async fn hold_device(&self, id: &Id, device: &Device) -> Result<(), Error> {
        self.device(id, || self.core.beings.hold_device(id, device)).await
    }

    async fn offline_device(&self, id: &Id, device: &Device) -> Result<(), Error> {
        self.core.check_open()?;
        let shard = self.core.beings.ledger().shard(id);
        let wait = self.core.shards[shard].wait();
        let ended = self.core.beings.end_device(id, device);
        // Without a grace time it may have been the last.
        self.wait_for(id, wait).await?;
        if ended == Ended::Held {
            // Whoever holds a device is the only one who knows it.
            return Ok(());
        }
        let mut get = redis::cmd("HGET");
        get.arg(&self.core.keys.shards[shard].held).arg(id.as_str());
        let holders = match self.core.link.query(&get).await? {
            Value::Nil => return Ok(()),
            holders => decode::<String>(holders)?,
        };
        let others = holders.split(',').filter(|process| *process != "~" && !self.core.is_me(process));
        let others: Vec<_> = others.map(str::to_owned).collect();
        if !others.is_empty() {
            self.core.tell_end(&others, id, device).await;
        }
        Ok(())
    }

    async fn status(&self, ids: &[Id]) -> Result<Vec<Status>, BatchError<Vec<Status>>> {
        self.core.check_open().map_err(|error| BatchError::all_unread(ids, &error))?;
        read(self.core.read(ids, false).await, |known| known.status)
    }

    async fn last_seen(&self, ids: &[Id]) -> Result<Vec<LastSeen>, BatchError<Vec<LastSeen>>> {
        self.core.check_open().map_err(|error| BatchError::all_unread(ids, &error))?;
        read(self.core.read(ids, true).await, |known| known.seen)
    }

    async fn online_ids(&self, cursor: Cursor, limit: usize) -> Result<Page, Error> {
        self.core.check_open()?;
        self.core.list(cursor, limit).await
    }

    async fn count(&self) -> Result<u64, Error> {
        self.core.check_open()?;
        self.core.count().await
    }

    async fn events(&self, since: Since) -> Result<Events, Error> {
        self.core.check_open()?;
        self.follow().await?;
        let subscription = Subscription::open(Arc::clone(&self.core), since).await?;
        Ok(Events::new(subscription.into_stream()))
    }

    async fn close(&self) {
        self.core.closing.cancel();
        self.core.tail.ended.cancelled().await;
    }
}

impl Drop for Leases {
    fn drop(&mut self) {
        self.core.closing.cancel();
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
