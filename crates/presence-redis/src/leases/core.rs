//! What the calls, the tasks and the streams of one backend share.

use std::sync::Arc;
use std::time::Duration;

use presence_core::beings::{Beings, Timing};
use presence_core::{Error, ErrorKind};
use redis::Value;
use tokio_util::sync::CancellationToken;

use super::config::Config;
use super::health::Health;
use super::keys::Keys;
use super::ledger::Ledger;
use super::mail::Desk;
use super::pulse::Pulse;
use super::scripts::{Scripts, decode};
use super::shard::Shard;
use super::space::{Faces, Ids, Space};
use super::tail::Tail;
use crate::connection::Link;

/// One process's share of a space.
#[derive(Debug)]
pub(super) struct Core<S: Space = Ids> {
    pub(super) link: Arc<Link>,
    pub(super) keys: Keys,
    pub(super) config: Config,
    pub(super) beings: Beings<Ledger<S>>,
    pub(super) shards: Vec<Shard>,
    pub(super) tail: S::Tail,
    pub(super) desk: Arc<Desk>,
    pub(super) pulse: Arc<Pulse>,
    /// Of both spaces.
    pub(super) health: Arc<Health>,
    /// Cancelled when the backend is closed or dropped: calls are refused, what is under way is finished.
    pub(super) closing: CancellationToken,
    /// The name of this process, made anew at each start.
    process: String,
    timing: Timing,
}

impl Core {
    /// Connects, and makes sure that all processes spread names in the same way.
    pub(super) async fn open(config: &Config) -> Result<Self, Error> {
        let timing: Timing = config.check()?;
        let link = Link::open(&config.connect).await?;
        let keys = Keys::new::<Ids>(&config.prefix, config.shards);
        check_layout(&link, &keys.layout, config.shards).await?;
        let health = Arc::new(Health::new());
        health.expect(config.shards);
        Ok(Self {
            link: Arc::new(link),
            config: config.clone(),
            beings: Beings::new(timing, 0, Ledger::new(config.shards)),
            shards: std::iter::repeat_with(Shard::new).take(config.shards).collect(),
            tail: Tail::new(config.shards, config.events_max.div_ceil(config.shards)),
            desk: Arc::default(),
            pulse: Arc::default(),
            health,
            closing: CancellationToken::new(),
            process: crate::random::name()[..12].to_owned(),
            timing,
            keys,
        })
    }

    /// This process's share of another space, beside this one.
    pub(super) fn beside<S: Space>(&self, tail: S::Tail) -> Core<S> {
        let (config, shards) = (self.config.clone(), self.config.shards);
        self.health.expect(shards);
        Core {
            link: Arc::clone(&self.link),
            keys: Keys::new::<S>(&config.prefix, shards),
            beings: Beings::new(self.timing, 0, Ledger::new(shards)),
            shards: std::iter::repeat_with(Shard::new).take(shards).collect(),
            tail,
            desk: Arc::clone(&self.desk),
            pulse: Arc::clone(&self.pulse),
            health: Arc::clone(&self.health),
            closing: self.closing.clone(),
            process: self.process.clone(),
            timing: self.timing,
            config,
        }
    }
}

impl<S: Space> Core<S> {
    pub(super) fn check_open(&self) -> Result<(), Error> {
        if self.closing.is_cancelled() {
            return Err(Error::new(ErrorKind::Closed, "presence is closed"));
        }
        Ok(())
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

    /// Lets a name go here if `under_lock` says so. See [`Beings::forget_if`].
    pub(super) fn forget_if(&self, name: &S::Name, under_lock: impl FnOnce(bool) -> bool) {
        self.beings.forget_if(name, |online| {
            let goes = under_lock(online);
            if goes {
                self.beings.ledger().faces.hide(name);
            }
            goes
        });
    }

    /// How many names of a shard are held at this process.
    pub(super) fn online_here(&self, shard: usize) -> usize {
        self.beings.ledger().places(shard).map(|place| self.beings.online(place)).sum()
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

async fn check_layout(link: &Link, key: &str, shards: usize) -> Result<(), Error> {
    let ours = format!("leases 1 {shards}");
    let mut set = redis::cmd("SET");
    // Answers what was there before.
    set.arg(key).arg(&ours).arg("NX").arg("GET");
    let theirs = match link.query(&set).await? {
        Value::Nil => return Ok(()),
        theirs => decode::<String>(theirs)?,
    };
    if theirs == ours {
        return Ok(());
    }
    let message = format!(
        "the data under {key} at {} is of the layout {theirs:?}, not {ours:?}: use its number of shards, or another prefix",
        link.address()
    );
    Err(Error::new(ErrorKind::Config, message))
}
