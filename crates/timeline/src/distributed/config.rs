//! The settings of a distributed store.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::requirements;
use crate::{Error, ErrorKind, Observer, Result, Retention};

/// Where a distributed store is, and who is told of it.
///
/// ```no_run
/// # async fn start() -> timeline::Result<()> {
/// use timeline::distributed::{Config, DistributedStore};
///
/// let config = Config::new("mongodb://10.0.0.7,10.0.0.8,10.0.0.9/?replicaSet=rs");
/// let store = DistributedStore::start(config).await?;
/// # drop(store);
/// # Ok(())
/// # }
/// ```
///
/// All nodes of one store need the same names, prefix and retention.
#[derive(Clone)]
pub struct Config {
    pub(super) mongo: String,
    /// The oldest version that is used; only tests set another one.
    pub(super) mongo_version_min: (u32, u32),
    pub(super) database: Option<String>,
    pub(super) inboxes: String,
    pub(super) histories: String,
    pub(super) timeout: Duration,
    #[cfg(feature = "redis")]
    pub(super) redis: Option<String>,
    /// The oldest major version that is used; only tests set another one.
    #[cfg(feature = "redis")]
    pub(super) redis_version_min: u32,
    #[cfg(feature = "redis")]
    pub(super) redis_authorities: Option<Vec<u8>>,
    #[cfg(feature = "redis")]
    pub(super) redis_prefix: String,
    #[cfg(feature = "redis")]
    pub(super) go_counters: bool,
    pub(super) grace: Duration,
    pub(super) histories_from_secondaries: bool,
    pub(super) retention: Retention,
    pub(super) observer: Option<Arc<dyn Observer>>,
}

impl Config {
    /// The name of the database if neither a setting nor the address says it.
    pub const DATABASE_DEFAULT: &'static str = "im";

    /// The collection of the inboxes unless it is set.
    pub const INBOXES_DEFAULT: &'static str = "chat_sync";

    /// The collection of the histories unless it is set.
    pub const HISTORIES_DEFAULT: &'static str = "chat_history";

    /// The collections that the store has beside those two.
    pub const OWN_COLLECTIONS: [&'static str; 6] =
        ["chat_rows", "chat_groups", "chat_intents", "chat_notices", "chat_boxes", "chat_meta"];

    /// What keys in Redis begin with unless it is set.
    #[cfg(feature = "redis")]
    pub const REDIS_PREFIX_DEFAULT: &'static str = "tidings:timeline:";

    /// How long a hole is left open unless it is set.
    pub const GRACE_DEFAULT: Duration = Duration::from_secs(2);

    /// Between what [`grace`](Self::grace) is.
    pub const GRACE_BOUNDS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(60);

    /// How long a call of the store may take unless it is set.
    pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

    /// Between what [`timeout`](Self::timeout) is.
    ///
    /// The longest still lets a writer end before what lies below a floor is removed.
    pub const TIMEOUT_BOUNDS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(60);

    /// Creates the settings for a MongoDB replica set, all others at their defaults.
    ///
    /// The store needs no Redis then: a sequence is the one after the last of the index.
    #[must_use]
    pub fn new(mongo: impl Into<String>) -> Self {
        Self {
            mongo: mongo.into(),
            mongo_version_min: requirements::VERSION_MIN,
            database: None,
            inboxes: Self::INBOXES_DEFAULT.to_owned(),
            histories: Self::HISTORIES_DEFAULT.to_owned(),
            timeout: Self::TIMEOUT_DEFAULT,
            #[cfg(feature = "redis")]
            redis: None,
            #[cfg(feature = "redis")]
            redis_version_min: super::sequencer::redis::VERSION_MIN,
            #[cfg(feature = "redis")]
            redis_authorities: None,
            #[cfg(feature = "redis")]
            redis_prefix: Self::REDIS_PREFIX_DEFAULT.to_owned(),
            #[cfg(feature = "redis")]
            go_counters: false,
            grace: Self::GRACE_DEFAULT,
            histories_from_secondaries: false,
            retention: Retention::new(),
            observer: None,
        }
    }

    /// Sets the name of the database.
    ///
    /// By default it is the path of the address, else `im`.
    #[must_use]
    pub fn database(self, name: impl Into<String>) -> Self {
        Self { database: Some(name.into()), ..self }
    }

    /// Sets the names of the collections of the inboxes and of the histories.
    ///
    /// By default `chat_sync` and `chat_history`. The other collections begin with `chat_`.
    #[must_use]
    pub fn collections(self, inboxes: impl Into<String>, histories: impl Into<String>) -> Self {
        Self { inboxes: inboxes.into(), histories: histories.into(), ..self }
    }

    /// Sets how long a call of the store may take, with all that it waits for.
    ///
    /// The time begins with the call. What is not known by its end is answered with
    /// [`UnknownOutcome`](crate::ErrorKind::UnknownOutcome), and goes on. 100 ms to 60 s; default
    /// 10 s, as a failover takes about that long. Less, for callers who rather fail early.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sets the Redis that gives out sequences and tells other nodes what is new.
    ///
    /// An address as `redis-link` takes it: one Redis, a set of sentinels or a cluster, of version
    /// 7.0 or later, as older ones do not know scripts that begin with `#!lua`. While it is away,
    /// or too old, the store goes on without it, slower. By default there is none.
    #[cfg(feature = "redis")]
    #[must_use]
    pub fn redis(self, url: impl Into<String>) -> Self {
        Self { redis: Some(url.into()), ..self }
    }

    /// Sets the authorities, in PEM, by which a Redis over TLS is known.
    ///
    /// Those of the system by default.
    #[cfg(feature = "redis")]
    #[must_use]
    pub fn redis_authorities(self, pem: impl Into<Vec<u8>>) -> Self {
        Self { redis_authorities: Some(pem.into()), ..self }
    }

    /// Sets what all keys and channels in Redis begin with.
    ///
    /// Default `tidings:timeline:`. For several stores on one Redis. It has no braces, as those of
    /// a key say on which server of a cluster it is.
    #[cfg(feature = "redis")]
    #[must_use]
    pub fn redis_prefix(self, prefix: impl Into<String>) -> Self {
        Self { redis_prefix: prefix.into(), ..self }
    }

    /// Sets whether sequences go on from the counters of the Go service.
    ///
    /// They are looked for in the same Redis database, where a box is used for the first time.
    /// False by default. The Go service must not run meanwhile.
    #[cfg(feature = "redis")]
    #[must_use]
    pub fn go_counters(self, go_on: bool) -> Self {
        Self { go_counters: go_on, ..self }
    }

    /// Sets how long readers wait for an entry whose sequence was given out.
    ///
    /// After that the hole is closed by a tombstone. It is the delay that a crashed node costs the
    /// readers of the boxes it was writing to. 100 ms to 60 s; default 2 s.
    #[must_use]
    pub fn grace(self, grace: Duration) -> Self {
        Self { grace, ..self }
    }

    /// Sets whether histories are read from secondaries where there are any.
    ///
    /// They may be a little behind then, never with a gap: a page before a sequence that the
    /// secondary has not reached comes from the primary, and so do pages by a time. A text that was
    /// edited, recalled, deleted or purged is shown for as long as the secondary lags. False by
    /// default.
    #[must_use]
    pub fn histories_from_secondaries(self, allowed: bool) -> Self {
        Self { histories_from_secondaries: allowed, ..self }
    }

    /// Sets how long entries are kept; everything by default.
    #[must_use]
    pub fn retention(self, retention: Retention) -> Self {
        Self { retention, ..self }
    }

    /// Sets who is told of new inbox entries; nobody by default.
    ///
    /// It hears of what this process wrote, and of what others wrote into inboxes that somebody of
    /// this process waits for.
    #[must_use]
    pub fn observer(self, observer: impl Observer + 'static) -> Self {
        Self { observer: Some(Arc::new(observer)), ..self }
    }

    pub(super) fn validate(&self) -> Result<()> {
        let wrong = |text: String| Err(Error::new(ErrorKind::Config, text));
        if !Self::GRACE_BOUNDS.contains(&self.grace) {
            return wrong(format!("grace is {:?}; it must be from 100 ms to 60 s", self.grace));
        }
        if !Self::TIMEOUT_BOUNDS.contains(&self.timeout) {
            return wrong(format!("timeout is {:?}; it must be from 100 ms to 60 s", self.timeout));
        }
        for (name, value) in [("inboxes", &self.inboxes), ("histories", &self.histories)] {
            if value.is_empty() || value.contains(['$', '\0']) || value.starts_with("system.") {
                return wrong(format!("the name of the collection of the {name} cannot be {value:?}"));
            }
        }
        for (name, value) in [("inboxes", &self.inboxes), ("histories", &self.histories)] {
            if Self::OWN_COLLECTIONS.contains(&value.as_str()) {
                return wrong(format!(
                    "the {name} cannot be in {value}, which has something else; name another"
                ));
            }
        }
        if self.inboxes == self.histories {
            return wrong(format!("inboxes and histories cannot share the collection {}", self.inboxes));
        }
        #[cfg(feature = "redis")]
        if self.redis_prefix.contains(['{', '}']) {
            return wrong(format!("redis_prefix is {:?}; it must have no braces", self.redis_prefix));
        }
        self.retention.validate()
    }
}

impl fmt::Debug for Config {
    // The addresses may have passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("database", &self.database)
            .field("inboxes", &self.inboxes)
            .field("histories", &self.histories)
            .field("grace", &self.grace)
            .field("retention", &self.retention)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_cannot_be_are_refused_by_their_names() {
        let config = || Config::new("mongodb://127.0.0.1");
        assert!(config().validate().is_ok());
        assert!(config().timeout(Duration::from_secs(60)).validate().is_ok());
        let refused = [
            ("grace", config().grace(Duration::ZERO)),
            ("timeout is 61s; it must be from 100 ms to 60 s", config().timeout(Duration::from_secs(61))),
            ("timeout", config().timeout(Duration::from_millis(99))),
            ("inboxes", config().collections("", "b")),
            ("histories", config().collections("a", "system.b")),
            ("share", config().collections("a", "a")),
            #[cfg(feature = "redis")]
            ("redis_prefix", config().redis_prefix("a{b")),
            #[cfg(feature = "redis")]
            ("redis_prefix", config().redis_prefix("a}")),
        ];
        for (named, config) in refused {
            let error = config.validate().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{named}");
            assert!(error.to_string().contains(named), "{error}");
        }
    }
}
