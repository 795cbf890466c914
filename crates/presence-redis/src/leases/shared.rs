//! What the calls, the tasks and the streams of one backend share.

use std::sync::Arc;
use std::time::Duration;

use presence_core::tracker::{Timing, Tracker};
use presence_core::{Error, ErrorKind};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::awake_clock::AwakeClock;
use super::config::Config;
use super::health::Health;
use super::ids::{IdSpace, Tail};
use super::keys::Keys;
use super::open_requests::OpenRequests;
use super::outboxes::Outboxes;
use super::policy_watch::PolicyWarnings;
use super::scripts::{Scripts, layout, wrong_layout};
use super::shard::Shard;
use super::space::{Payloads, Space};
use super::told::Told;
use crate::connection::Link;
use crate::version;

/// One process's share of a space.
#[derive(Debug)]
pub(super) struct Shared<S: Space = IdSpace> {
    pub(super) link: Arc<Link>,
    pub(super) keys: Keys,
    pub(super) config: Config,
    pub(super) tracker: Tracker<Outboxes<S>>,
    pub(super) shards: Vec<Shard>,
    pub(super) tail: S::Tail,
    pub(super) requests: Arc<OpenRequests>,
    pub(super) awake_clock: Arc<AwakeClock>,
    /// One for the space of ids and that of rooms.
    pub(super) health: Arc<Health>,
    /// One for the space of ids and that of rooms.
    pub(super) warnings: Arc<PolicyWarnings>,
    /// Of both spaces.
    pub(super) told: Arc<Told>,
    /// Cancelled when the backend is shut down or dropped: calls are refused, what is under way is
    /// finished.
    pub(super) closing: CancellationToken,
    /// Cancelled when streams have been given everything.
    pub(super) ended: CancellationToken,
    /// Counts the followers that have begun to read.
    pub(super) following: watch::Sender<usize>,
    /// The name of this process, made anew at each start.
    process: String,
    timing: Timing,
}

impl Shared {
    /// Connects, and makes sure that all processes spread names in the same way.
    pub(super) async fn open(config: Config) -> Result<Self, Error> {
        let timing: Timing = config.validate()?;
        let link = Arc::new(Link::start(config.link.clone()).await?);
        version::check(&link, version::LEASES).await?;
        let keys = Keys::new::<IdSpace>(&config.prefix, config.shards);
        // Before any task writes: data in another layout is refused untouched.
        migrate_layout(&link, &keys.old_layout, config.shards).await?;
        let health = Arc::new(Health::new());
        health.expect(config.shards);
        Ok(Self {
            shards: shards(&link, &keys),
            link,
            tracker: Tracker::new(timing, 0, Outboxes::new(config.shards)),
            tail: Tail::new(config.shards, config.events_max.div_ceil(config.shards)),
            requests: Arc::default(),
            awake_clock: Arc::default(),
            health,
            warnings: Arc::default(),
            told: Arc::default(),
            closing: CancellationToken::new(),
            ended: CancellationToken::new(),
            following: watch::Sender::default(),
            process: crate::random::name()[..12].to_owned(),
            timing,
            keys,
            config,
        })
    }

    /// This process's share of another space, beside this one.
    pub(super) fn beside<S: Space>(&self, tail: S::Tail) -> Shared<S> {
        let config = self.config.clone();
        let keys = Keys::new::<S>(&config.prefix, config.shards);
        // Before the writers of the space run: otherwise the first shard that failed would count as
        // all of them.
        self.health.expect(config.shards);
        Shared {
            shards: shards(&self.link, &keys),
            link: Arc::clone(&self.link),
            keys,
            tracker: Tracker::new(self.timing, 0, Outboxes::new(config.shards)),
            tail,
            requests: Arc::clone(&self.requests),
            awake_clock: Arc::clone(&self.awake_clock),
            health: Arc::clone(&self.health),
            warnings: Arc::clone(&self.warnings),
            told: Arc::clone(&self.told),
            closing: self.closing.clone(),
            ended: self.ended.clone(),
            following: watch::Sender::default(),
            process: self.process.clone(),
            timing: self.timing,
            config,
        }
    }
}

impl<S: Space> Shared<S> {
    pub(super) fn check_open(&self) -> Result<(), Error> {
        if self.closing.is_cancelled() {
            return Err(Error::new(ErrorKind::Closed, "presence was shut down"));
        }
        Ok(())
    }

    /// Returns why a call failed: after a shutdown of the backend, because of that. Nothing is
    /// renewed and written any more then, which looks like a Redis that is away.
    pub(super) fn cause(&self, error: Error) -> Error {
        self.check_open().err().unwrap_or(error)
    }

    /// The name of this process after it lost its lease so many times.
    pub(super) fn process(&self, incarnation: u32) -> String {
        if incarnation == 0 { self.process.clone() } else { format!("{}.{incarnation}", self.process) }
    }

    /// Whether a name is one that this process has or had.
    pub(super) fn is_me(&self, process: &str) -> bool {
        process.split('.').next() == Some(&self.process)
    }

    pub(super) fn scripts(&self, shard: usize) -> Scripts<'_, S> {
        Scripts::new(&self.link, &self.keys.shards[shard], &self.config)
    }

    /// Lets a name go here if `under_lock` says so. See [`Tracker::forget_if`].
    pub(super) fn forget_if(&self, name: &S::Name, under_lock: impl FnOnce(bool) -> bool) {
        // Both happen under the lock of the name. Otherwise, whoever came in between would lose
        // what it shows.
        self.tracker.forget_if(name, |online| {
            let goes = under_lock(online);
            if goes {
                self.tracker.ledger().payloads.hide(name);
            }
            goes
        });
    }

    /// How many names of a shard are held at this process.
    pub(super) fn online_here(&self, shard: usize) -> usize {
        self.tracker.ledger().stripes(shard).map(|stripe| self.tracker.online(stripe)).sum()
    }

    /// Why Redis cannot be reached, by one of those who tried last.
    pub(super) fn error(&self) -> Error {
        let failed = self.shards.iter().find(|shard| shard.is_failing());
        failed.unwrap_or(&self.shards[0]).error()
    }

    /// How long a call may take.
    pub(super) fn patience(&self) -> Duration {
        self.link.timeout()
    }
}

fn shards(link: &Arc<Link>, keys: &Keys) -> Vec<Shard> {
    keys.shards.iter().map(|keys| Shard::new(link, &keys.life)).collect()
}

/// Sees to the key in which earlier versions kept the layout, `<prefix>:layout`.
///
/// In the keyspace layout that is the key of a user of the same name, if the prefix is the same, as
/// it may be after a migration. So it is taken away if it says what it said then, and refused if
/// that does not fit; the shards have known their layout themselves since.
async fn migrate_layout(link: &Link, key: &str, shards: usize) -> Result<(), Error> {
    let mut get = redis::cmd("GET");
    get.arg(key);
    let theirs = match link.query(key, &get).await.map(redis::from_redis_value::<Option<String>>) {
        Ok(Ok(Some(theirs))) if theirs.starts_with("leases ") => theirs,
        // The key is not there, or belongs to another program.
        Ok(_) => return Ok(()),
        Err(error) => {
            tracing::debug!(
                key,
                error = %format_args!("{error:#}"),
                "cannot check whether an earlier version left its layout under this key"
            );
            return Ok(());
        }
    };
    if theirs != layout(shards) {
        return Err(wrong_layout(key, &theirs, shards));
    }
    let mut remove = redis::cmd("EVAL");
    remove.arg(REMOVE_IF_SAME).arg(1).arg(key).arg(&theirs);
    if let Err(error) = link.query(key, &remove).await {
        tracing::debug!(
            key,
            error = %format_args!("{error:#}"),
            "cannot remove the layout that an earlier version left under this key"
        );
    }
    Ok(())
}

/// Not a plain deletion: it may have become a user's in between.
const REMOVE_IF_SAME: &str =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";
