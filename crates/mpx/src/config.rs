//! Settings of a multiplexer, and of a publisher.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::{ConnectionInfo, IntoConnectionInfo};

use crate::connection::{Connect, ConnectNode, Endpoint};
use crate::error::{Error, ErrorKind};
use crate::sink::Policy;

/// Settings of a multiplexer, and of a publisher.
///
/// They are made from where the connection comes from; the rest has defaults.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    pub(crate) source: Endpoint,
    /// How long Redis may say nothing before it is asked for a sign of life.
    ///
    /// After as long again without an answer the connection is given up. Default 30 s, 1 ms to a
    /// day.
    pub ping_timeout: Duration,
    /// How long connecting may take, login included.
    ///
    /// Default 5 s, 1 ms to 10 minutes.
    pub connect_timeout: Duration,
    /// Half of the longest wait before the second attempt to connect.
    ///
    /// The wait is random, and its bound doubles with each further attempt. Default 8 ms, 1 ms up
    /// to `backoff_max`.
    pub backoff_min: Duration,
    /// The longest wait between two attempts to connect.
    ///
    /// Default 512 ms, 1 ms to 10 minutes.
    pub backoff_max: Duration,
    /// How many names go into one command.
    ///
    /// Default 512, 1 to 4,096.
    pub batch_max: usize,
    /// How many messages a subscription keeps until it reads them.
    ///
    /// Default 1,000, 1 to 2^32.
    pub queue_max: usize,
    /// What happens when a subscription has more than `queue_max` to read.
    ///
    /// Default: the oldest goes, and the subscription is told how many went.
    pub policy: Policy,
    /// How long a message may be, in bytes; a longer one ends the connection.
    ///
    /// Default 512 MB, which is what Redis allows; 64 bytes to 4 GiB.
    pub message_max: usize,
    /// How many bytes a [`Publisher`](crate::Publisher) holds at most.
    ///
    /// They are those of messages that Redis has not answered; a caller that gives more waits.
    /// Default 16 MiB, 1 KiB to 256 MiB.
    pub pending_max: usize,
    /// Certificates of authorities to trust instead of this machine's, in PEM.
    ///
    /// They are for TLS only. Default: none.
    pub authorities: Option<Vec<u8>>,
    /// More nodes of a cluster, asked for its map if the first does not answer.
    ///
    /// Only a [`ShardedMultiplexer`](crate::ShardedMultiplexer) uses them. Default: none.
    pub nodes: Vec<(String, u16)>,
    /// The seed of the random waits.
    ///
    /// Default: a random one. Set it to have the waits repeat, in a simulation.
    pub jitter_seed: Option<u64>,
}

impl Config {
    /// Creates the settings for an address, all others at their defaults.
    ///
    /// An address begins with `redis://`, `rediss://` for TLS, or `redis+unix://`; it may have a
    /// user and a password, and `?protocol=resp3`.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if it is none.
    pub fn new(address: &str) -> Result<Self, Error> {
        if is_cut(address) {
            let message = "the address has an `@` behind its host; in a user or password write `/` as %2F, \
                           `?` as %3F and `#` as %23";
            return Err(Error::new(ErrorKind::Config, message));
        }
        let asks_for_tls = address.starts_with("rediss://") || address.starts_with("valkeys://");
        if asks_for_tls && !cfg!(feature = "tls") {
            let message = "the address asks for TLS, and this program was built without it; build it with \
                           the feature `tls`";
            return Err(Error::new(ErrorKind::Config, message));
        }
        let info = address.into_connection_info().map_err(|error| {
            let message = "the address is not that of a redis; write it like redis://host:6379";
            Error::with_source(ErrorKind::Config, message, error)
        })?;
        Ok(Self::from_info(info))
    }

    /// Creates the settings from the connection settings of redis-rs.
    ///
    /// Certificates that were set there cannot be read from them: see
    /// [`authorities`](Self::authorities), or [`from_connect`](Self::from_connect) for a
    /// certificate of our own.
    #[must_use]
    pub fn from_info(info: ConnectionInfo) -> Self {
        Self::of(Endpoint::Info(Box::new(info)))
    }

    /// Creates the settings from anything that makes a connection.
    ///
    /// The connection is logged in already if it has to be.
    #[must_use]
    pub fn from_connect(connect: impl Connect) -> Self {
        Self::of(Endpoint::Function(Arc::new(connect)))
    }

    /// Creates the settings from anything that connects to a cluster's nodes.
    ///
    /// They are logged in already if they have to be. Nodes are named as the cluster names them,
    /// beginning with `host` and `port`: where these are not how they are reached, as behind a
    /// proxy or in containers, this is the place to say how.
    #[must_use]
    pub fn from_connect_node(host: impl Into<String>, port: u16, connect: impl ConnectNode) -> Self {
        Self::of(Endpoint::Node { host: host.into(), port, connect: Arc::new(connect) })
    }

    fn of(source: Endpoint) -> Self {
        Self {
            source,
            ping_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            backoff_min: Duration::from_millis(8),
            backoff_max: Duration::from_millis(512),
            batch_max: 512,
            queue_max: 1_000,
            policy: Policy::default(),
            message_max: 512 * 1024 * 1024,
            pending_max: 16 * 1024 * 1024,
            authorities: None,
            nodes: Vec::new(),
            jitter_seed: None,
        }
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        let ms = Duration::from_millis(1);
        let minutes = Duration::from_mins(10);
        for (name, value, min, max) in [
            ("ping_timeout", self.ping_timeout, ms, Duration::from_hours(24)),
            ("connect_timeout", self.connect_timeout, ms, minutes),
            ("backoff_max", self.backoff_max, ms, minutes),
            ("backoff_min", self.backoff_min, ms, self.backoff_max),
        ] {
            if !(min..=max).contains(&value) {
                let message = format!("{name} is {value:?}; it must be from {min:?} to {max:?}");
                return Err(Error::new(ErrorKind::Config, message));
            }
        }
        for (name, value, min, max) in [
            ("batch_max", self.batch_max, 1, 4_096),
            ("queue_max", self.queue_max, 1, 1 << 32),
            ("message_max", self.message_max, 64, 1 << 32),
            ("pending_max", self.pending_max, 1 << 10, 1 << 28),
        ] {
            if !(min..=max).contains(&value) {
                let message = format!("{name} is {value}; it must be from {min} to {max}");
                return Err(Error::new(ErrorKind::Config, message));
            }
        }
        Ok(())
    }
}

/// Whether a `/`, `?` or `#` stands in a user or password, so that a half of it would be taken for
/// the host, and be shown.
fn is_cut(address: &str) -> bool {
    let Some((_, rest)) = address.split_once("://") else { return false };
    let host_ends = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    // What a socket's address begins with is its path; user and password are among its options.
    host_ends > 0 && rest[host_ends..].contains('@')
}

impl fmt::Debug for Config {
    /// Leaves out where the connection comes from: that may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("ping_timeout", &self.ping_timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("backoff_min", &self.backoff_min)
            .field("backoff_max", &self.backoff_max)
            .field("batch_max", &self.batch_max)
            .field("queue_max", &self.queue_max)
            .field("policy", &self.policy)
            .field("message_max", &self.message_max)
            .field("pending_max", &self.pending_max)
            .finish_non_exhaustive()
    }
}
