//! Where MongoDB is, how long to wait for it and how much to ask at once.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::address::is_database;
use crate::error::Error;

/// How to reach MongoDB 5 or later.
///
/// # Address
///
/// ```text
/// mongodb://host:27017                                      one server, or a replica set found through it
/// mongodb://host1,host2:27018/tidings?replicaSet=rs         a replica set, and the name of the database
/// mongodb://user:password@host/?authSource=admin            as a user; `%40` for `@` and so on
/// mongodb+srv://cluster0.example.net                        hosts from the DNS, over TLS
/// mongodb://host/?tls=true&tlsCAFile=/etc/ca.pem            over TLS, with an authority of one's own
/// ```
///
/// A user is looked for in the database `authSource`, else in the one that the path names, else in
/// `admin`.
///
/// Options that this crate decides itself have no effect in the address: those of the pool, of
/// times, of retries, of read and write concern and of read preference.
///
/// # Concerns
///
/// Writes are acknowledged by a majority with their journals, and reads see what a majority has, on
/// the primary: what was read or acknowledged is not taken back by a failover.
///
/// # Bounds inside bounds
///
/// Choosing a server and the confirmation of a majority take at most three quarters of
/// [`timeout`](Self::timeout) each, so that a call mostly ends with a reason before its time is up.
/// A server that stands still is noticed within 2 s and
/// [`connect_timeout`](Self::connect_timeout): the driver's calls to it fail then, and give their
/// places back.
///
/// ```
/// use std::time::Duration;
///
/// use mongo_link::{LinkConfig, WhenAway};
///
/// let config = LinkConfig::new("mongodb://10.0.0.7:27017/?replicaSet=rs")
///     .timeout(Duration::from_secs(5))
///     .when_away(WhenAway::Join);
/// ```
#[derive(Clone)]
pub struct LinkConfig {
    pub(crate) url: String,
    pub(crate) database: Option<String>,
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) calls_max: usize,
    pub(crate) when_away: WhenAway,
}

/// What a start does while MongoDB is away.
///
/// A wrong setting and a login that is refused end a start either way, if the server says so in the
/// time that the start waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhenAway {
    /// It fails.
    #[default]
    Refuse,
    /// It returns a link within a second, whose calls fail until MongoDB is there.
    Join,
}

impl LinkConfig {
    /// The name of the database if neither a setting nor the address says it.
    pub const DATABASE_DEFAULT: &'static str = "tidings";

    /// What [`timeout`](Self::timeout) is unless it is set.
    pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

    /// Between what [`timeout`](Self::timeout) is.
    pub const TIMEOUT_BOUNDS: RangeInclusive<Duration> =
        Duration::from_millis(100)..=Duration::from_secs(120);

    /// Between what [`connect_timeout`](Self::connect_timeout) is.
    pub const CONNECT_TIMEOUT_BOUNDS: RangeInclusive<Duration> =
        Duration::from_millis(10)..=Duration::from_secs(60);

    /// What [`calls_max`](Self::calls_max) is unless it is set.
    pub const CALLS_MAX_DEFAULT: usize = 32;

    /// Between what [`calls_max`](Self::calls_max) is.
    pub const CALLS_MAX_BOUNDS: RangeInclusive<usize> = 1..=1024;

    /// Creates the settings for an address, all others at their defaults.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            database: None,
            timeout: Self::TIMEOUT_DEFAULT,
            connect_timeout: Duration::from_secs(2),
            calls_max: Self::CALLS_MAX_DEFAULT,
            when_away: WhenAway::Refuse,
        }
    }

    /// Sets the name of the database.
    ///
    /// By default it is the path of the address, else `tidings`. For several programs that share a
    /// server and its address.
    #[must_use]
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.database = Some(name.into());
        self
    }

    /// Sets how long the whole of a call may take.
    ///
    /// It begins with the wait for a place and ends with the last retry. 100 ms to 120 s; default
    /// 10 s. A failover that needs an election takes about that long with the settings that replica
    /// sets have from the beginning; less, for callers who rather fail early.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how long a connection may take to be made.
    ///
    /// TLS is included. 10 ms to 60 s; default 2 s. What is more than three quarters of
    /// [`timeout`](Self::timeout) counts as that. More, for servers that are far away.
    #[must_use]
    pub fn connect_timeout(mut self, connect_timeout: Duration) -> Self {
        self.connect_timeout = connect_timeout;
        self
    }

    /// Sets how many calls are under way at once at most.
    ///
    /// It is also how many connections there are to each server, beside those that watch it.
    /// Further calls wait for a place. 1 to 1,024; default 32. More, where many small calls wait
    /// for each other while MongoDB is idle.
    #[must_use]
    pub fn calls_max(mut self, calls_max: usize) -> Self {
        self.calls_max = calls_max;
        self
    }

    /// Sets what a start does while MongoDB is away.
    ///
    /// By default it fails. [`WhenAway::Join`] is for programs that have other things to do
    /// meanwhile.
    #[must_use]
    pub fn when_away(mut self, when_away: WhenAway) -> Self {
        self.when_away = when_away;
        self
    }

    /// How long each part of a call may take, so that the whole is not over before it.
    pub(crate) fn inner_timeout(&self) -> Duration {
        self.timeout / 4 * 3
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        for (name, value, bounds) in [
            ("timeout", self.timeout, Self::TIMEOUT_BOUNDS),
            ("connect_timeout", self.connect_timeout, Self::CONNECT_TIMEOUT_BOUNDS),
        ] {
            if !bounds.contains(&value) {
                let (min, max) = bounds.into_inner();
                let message = format!("{name} is {value:?}; it must be from {min:?} to {max:?}");
                return Err(Error::config(message));
            }
        }
        if !Self::CALLS_MAX_BOUNDS.contains(&self.calls_max) {
            let (min, max) = Self::CALLS_MAX_BOUNDS.into_inner();
            let message = format!("calls_max is {}; it must be from {min} to {max}", self.calls_max);
            return Err(Error::config(message));
        }
        if let Some(name) = &self.database
            && !is_database(name)
        {
            let message = format!(
                "database is {name:?}; it must be 1 to 63 bytes, without spaces and without any of \
                 /\\.\"$*<>:|?%"
            );
            return Err(Error::config(message));
        }
        Ok(())
    }
}

impl Default for LinkConfig {
    /// A MongoDB on this machine.
    fn default() -> Self {
        Self::new("mongodb://127.0.0.1:27017")
    }
}

// An address alone is enough where settings of a link are asked for.
impl From<&str> for LinkConfig {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for LinkConfig {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}

impl From<&String> for LinkConfig {
    fn from(url: &String) -> Self {
        Self::new(url)
    }
}

impl fmt::Debug for LinkConfig {
    /// Leaves the address out: it may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkConfig")
            .field("database", &self.database)
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("calls_max", &self.calls_max)
            .field("when_away", &self.when_away)
            .finish_non_exhaustive()
    }
}
