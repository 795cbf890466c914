//! Where Redis is and how long to wait for it.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::error::Error;

/// How to reach Redis 7 or later.
///
/// # Address
///
/// ```text
/// redis://host:6379/0                                one server; one of a cluster's is found to be that
/// redis://user:password@host:6379                    as an ACL user; `%40` for `@` and so on
/// redis+unix:///run/redis.sock?db=0                  a Unix socket; `db`, `user`, `pass` and `protocol` may follow the `?`
/// redis-sentinel://host1:26379,host2:26379/mymaster  the master that the sentinels name; `/mymaster/2` is its database 2
/// redis-cluster://host1:6379,host2:6379              the masters of a cluster, found through any of these
/// rediss://…  rediss-sentinel://…  rediss-cluster://…   the same over TLS; with sentinels it is their masters that talk TLS
/// ```
///
/// The last three lines need the features `sentinel`, `cluster` and `tls` of this crate.
///
/// A user and password are those of Redis itself. The sentinels are asked without a user or
/// password and without TLS, also with `rediss-sentinel`: those that require either cannot be used.
///
/// # Connections
///
/// Commands share one connection per server, on which they are pipelined; a pool would only add
/// connections. What blocks has connections of its own. A lost connection is made again by a task,
/// at once and after a failed attempt not before a random wait of at most
/// [`retry_max`](Self::retry_max), and until then commands to that server fail at once.
///
/// The client library's own defaults are a response timeout of 500 ms, a connection timeout of 1 s
/// and no `TCP_NODELAY`. Here `TCP_NODELAY` is on and `timeout` bounds the whole of a command, with
/// all its redirections.
///
/// The nodes of a cluster, and the sentinels, are asked side by side: once one has answered the
/// others have 0.1 s more.
///
/// ```
/// use std::time::Duration;
///
/// use redis_link::LinkConfig;
///
/// let config = LinkConfig::new("rediss://10.0.0.7:6379").timeout(Duration::from_secs(3));
/// ```
#[derive(Clone)]
pub struct LinkConfig {
    pub(crate) url: String,
    pub(crate) authorities: Option<Vec<u8>>,
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) retry_max: Duration,
}

impl LinkConfig {
    /// What [`timeout`](Self::timeout) is unless it is set.
    pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(1);

    /// Between what each of the times is.
    pub const TIME_BOUNDS: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(60);

    /// Creates the settings for an address, all others at their defaults.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            authorities: None,
            timeout: Self::TIMEOUT_DEFAULT,
            connect_timeout: Duration::from_secs(1),
            retry_max: Duration::from_millis(500),
        }
    }

    /// Sets the certificates to trust instead of the system's, in PEM.
    ///
    /// They are for TLS only. Default: none. For servers whose certificates come from an authority
    /// of one's own.
    #[must_use]
    pub fn authorities(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authorities = Some(pem.into());
        self
    }

    /// Sets how long a command may take, with its retries.
    ///
    /// 10 ms to 60 s; default 1 s. It is also how long a call takes to fail while Redis is away.
    /// More, for a server that is slow at times.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets how long a connection may take to be made.
    ///
    /// TLS and log-in are included. 10 ms to 60 s; default 1 s. More, for a server that is far
    /// away.
    #[must_use]
    pub fn connect_timeout(mut self, connect_timeout: Duration) -> Self {
        self.connect_timeout = connect_timeout;
        self
    }

    /// Sets the longest wait between attempts to connect.
    ///
    /// The first attempts come quicker. 10 ms to 60 s; default 500 ms. More, if many processes
    /// would come back to one server at the same time.
    #[must_use]
    pub fn retry_max(mut self, retry_max: Duration) -> Self {
        self.retry_max = retry_max;
        self
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        for (name, value) in [
            ("timeout", self.timeout),
            ("connect_timeout", self.connect_timeout),
            ("retry_max", self.retry_max),
        ] {
            if !Self::TIME_BOUNDS.contains(&value) {
                let (min, max) = Self::TIME_BOUNDS.into_inner();
                let message = format!("{name} is {value:?}; it must be from {min:?} to {max:?}");
                return Err(Error::config(message));
            }
        }
        Ok(())
    }
}

impl Default for LinkConfig {
    /// A Redis on this machine.
    fn default() -> Self {
        Self::new("redis://127.0.0.1:6379")
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
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("retry_max", &self.retry_max)
            .finish_non_exhaustive()
    }
}
