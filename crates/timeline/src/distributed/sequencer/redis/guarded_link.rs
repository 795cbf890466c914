//! The link to Redis, which is left alone while it fails.
//!
//! No call waits for a Redis that is away: a task connects to it, and a task tries it again after a
//! call has failed.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use redis_link::{Address, Link, LinkConfig};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::outages::{ALL, Outages, RedisOutage, bit};
use super::script::{self, Least, Move, TAGS};
use super::version;
use crate::distributed::config::Config;
use crate::distributed::sequencer::metrics;
use crate::distributed::trouble::{Failing, Trouble};
use crate::{Error, Result, Seq};

/// How long Redis has for an answer; the index takes about as long.
const BUDGET: Duration = Duration::from_millis(250);

/// The link to Redis, and who of it is left alone. Cloning shares it.
#[derive(Debug, Clone)]
pub(super) struct GuardedLink(Arc<Inner>);

struct Inner {
    settings: LinkConfig,
    /// The oldest major version that is used.
    version_min: u32,
    /// The address for people.
    address: String,
    prefix: String,
    trouble: Trouble,
    joined: watch::Sender<JoinState>,
    outages: Mutex<Outages>,
    /// How many outages are over.
    comebacks: AtomicU64,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Whether Redis was found since the start.
enum JoinState {
    /// The first attempt is under way.
    Joining,
    /// It goes on after an attempt that failed.
    Away,
    Joined(Link),
}

impl GuardedLink {
    /// Begins to connect; Redis may be away.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) if the address cannot be read.
    pub(super) fn start(
        config: &Config,
        url: &str,
        trouble: &Trouble,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<Self> {
        let inner = Arc::new(Inner {
            settings: super::link_settings(config, url).timeout(BUDGET),
            version_min: config.redis_version_min,
            address: Address::parse(url).map_err(script::of_link)?.to_string(),
            prefix: config.redis_prefix.clone(),
            trouble: trouble.clone(),
            joined: watch::Sender::new(JoinState::Joining),
            outages: Mutex::default(),
            comebacks: AtomicU64::new(0),
            tasks: tasks.clone(),
            stop: stop.clone(),
        });
        metrics::redis_up(false);
        inner.spawn(Arc::clone(&inner).join());
        Ok(Self(inner))
    }

    /// Returns the link, if Redis was found.
    ///
    /// The first attempt is waited for, within the time of an answer.
    pub(super) async fn ready(&self) -> Option<Link> {
        let mut joined = self.0.joined.subscribe();
        let decided = joined.wait_for(|joined| !matches!(joined, JoinState::Joining));
        // The sender is a field of `self.0`, so only the time can end this without an answer.
        match timeout(BUDGET, decided).await.ok()?.as_deref() {
            Ok(JoinState::Joined(link)) => Some(link.clone()),
            _ => None,
        }
    }

    /// Whether the server of a hash tag is left alone.
    pub(super) fn is_away(&self, tag: u32) -> bool {
        self.0.outages.lock().is_away(tag)
    }

    /// Returns a number that grows whenever counters may have fallen behind the store.
    ///
    /// A server that was started again, or took the place of another one, needs a new connection;
    /// during an outage sequences were given out without it.
    pub(super) fn round(&self, link: &Link) -> u64 {
        link.connections().saturating_add(self.0.comebacks.load(Ordering::Acquire))
    }

    /// Leaves the server of a hash tag alone, after a call that failed, until it answers a probe.
    pub(super) fn failed(&self, link: &Link, tag: u32, error: &Error) {
        let inner = &self.0;
        let server_of = |tag| link.server(&script::probe_key(&inner.prefix, tag));
        let server = server_of(tag);
        let tags = if link.is_cluster() {
            let same = (0..TAGS).filter(|other| server_of(*other) == server);
            same.fold(bit(tag), |tags, other| tags | bit(other))
        } else {
            ALL
        };
        if let Some(outage) = inner.begin(&server, tags, error) {
            inner.spawn(Arc::clone(inner).mend(link.clone(), outage));
        }
    }
}

impl Inner {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(self.stop.clone().run_until_cancelled_owned(task));
    }

    /// Connects for the first time, however long that takes.
    async fn join(self: Arc<Self>) {
        let Err(error) = self.connect().await else {
            metrics::redis_up(self.outages.lock().is_empty());
            return;
        };
        self.joined.send_replace(JoinState::Away);
        let Some(outage) = self.begin(&self.address, ALL, &error) else { return };
        let connected = || {
            let inner = Arc::clone(&self);
            async move { is_well(inner.connect().await) }
        };
        let failed = outage.probed(connected).await;
        self.end(&outage, failed);
    }

    async fn connect(&self) -> Result<()> {
        // Boxed, as a start is large and there is one.
        let link = Box::pin(Link::start(self.settings.clone())).await.map_err(script::of_link)?;
        version::check(&link, self.version_min).await?;
        self.joined.send_replace(JoinState::Joined(link));
        Ok(())
    }

    /// Tries a server until it gives out sequences again.
    async fn mend(self: Arc<Self>, link: Link, outage: RedisOutage) {
        let key = script::probe_key(&self.prefix, outage.tag());
        let probe = || {
            let (link, key) = (link.clone(), key.clone());
            async move {
                // What refuses a write refuses this one, too.
                let least = Some(Least { seq: Seq::ZERO, at_ms: 0 });
                is_well(script::run(&link, &[Move { key, count: 0, least }], 0).await)
            }
        };
        let failed = outage.probed(probe).await;
        self.end(&outage, failed);
    }

    fn begin(&self, server: &str, tags: u64, error: &Error) -> Option<RedisOutage> {
        let mut outages = self.outages.lock();
        let outage = outages.begin(server, tags, Instant::now())?;
        metrics::redis_up(false);
        drop(outages);
        self.trouble.begins(Failing::Sequences, server, error);
        Some(outage)
    }

    fn end(&self, outage: &RedisOutage, failed: u32) {
        // The order matters: who sees that the outage is over has to see that counters are to be
        // compared with the store.
        self.comebacks.fetch_add(1, Ordering::AcqRel);
        let mut outages = self.outages.lock();
        outages.end(outage, failed, Instant::now());
        metrics::redis_up(outages.is_empty());
        drop(outages);
        let after = outage.since.elapsed();
        tracing::debug!(?after, "redis at {} gives out sequences again", outage.server);
        self.trouble.ends(&outage.server);
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Whether a trial worked; why it did not is the same as before, mostly.
fn is_well<T>(trial: Result<T>) -> bool {
    trial
        .inspect_err(|error| {
            tracing::debug!(
                error = %format_args!("{error:#}"),
                "redis still gives out no sequences; trying again"
            );
        })
        .is_ok()
}

#[cfg(test)]
mod tests {
    use test_support::{Redis, require};

    use super::*;

    /// For what must come, however busy the machine is.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// Connects, and returns whether Redis is used once that is decided.
    async fn is_used(config: &Config, url: &str) -> bool {
        let (trouble, tasks, stop) = (Trouble::of(config), TaskTracker::new(), CancellationToken::new());
        let _stopped = stop.clone().drop_guard();
        let link = GuardedLink::start(config, url, &trouble, &tasks, &stop).unwrap();
        let mut joined = link.0.joined.subscribe();
        let decided = joined.wait_for(|joined| !matches!(joined, JoinState::Joining));
        timeout(PATIENCE, decided).await.expect("the first attempt ends").unwrap();
        link.ready().await.is_some()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_redis_that_is_too_old_is_left_alone() {
        let Some(redis) = require(Redis::start().await) else { return };
        let config = |version_min| {
            let mut config = Config::new("mongodb://localhost").redis(redis.url());
            config.redis_version_min = version_min;
            config
        };
        // On a busy machine a connection may take too long, and so may the question for the
        // version; whoever does not answer it is used.
        let (new, old) = (config(version::VERSION_MIN), config(1_000));
        let mut seen = [false, false];
        for _ in 0..10 {
            seen[0] |= is_used(&new, redis.url()).await;
            seen[1] |= !is_used(&old, redis.url()).await;
            if seen == [true, true] {
                return;
            }
        }
        panic!("one that is new enough is used: {}; one that is too old is not: {}", seen[0], seen[1]);
    }
}
