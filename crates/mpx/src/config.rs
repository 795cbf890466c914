//! Settings of a multiplexer, and of a publisher.

mod address;
mod bounds;

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use redis::ConnectionInfo;

use crate::connection::{Connect, ConnectNode, Endpoint};
use crate::error::Error;
use crate::sink::Policy;

/// Settings of a multiplexer, and of a publisher.
///
/// They begin with where the connection comes from; all else has a default, and a setter that takes
/// and returns the settings. Nothing is checked before `start`, whose error names the setting, its
/// value and its bounds.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use mpx::{Config, Policy};
///
/// let config = Config::new("redis://127.0.0.1")
///     .ping_timeout(Duration::from_secs(5))
///     .queue_max(10_000)
///     .policy(Policy::Close);
/// # drop(config);
/// ```
#[derive(Clone)]
#[must_use = "settings do nothing until something is started with them"]
pub struct Config {
    /// Where the connection comes from, or what is wrong with its address.
    pub(crate) source: Result<Endpoint, Error>,
    pub(crate) ping_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) backoff_min: Duration,
    pub(crate) backoff_max: Duration,
    pub(crate) batch_max: usize,
    pub(crate) queue_max: usize,
    pub(crate) policy: Policy,
    pub(crate) message_max: usize,
    pub(crate) pending_max: usize,
    pub(crate) authorities: Option<Vec<u8>>,
    pub(crate) nodes: Vec<(String, u16)>,
    pub(crate) jitter_seed: Option<u64>,
}

impl Config {
    const PING_TIMEOUT_BOUNDS: RangeInclusive<Duration> =
        Duration::from_millis(1)..=Duration::from_secs(24 * 60 * 60);
    const CONNECT_TIMEOUT_BOUNDS: RangeInclusive<Duration> =
        Duration::from_millis(1)..=Duration::from_secs(10 * 60);
    const BACKOFF_MAX_BOUNDS: RangeInclusive<Duration> =
        Duration::from_millis(1)..=Duration::from_secs(10 * 60);
    const BATCH_MAX_BOUNDS: RangeInclusive<usize> = 1..=4_096;
    const QUEUE_MAX_BOUNDS: RangeInclusive<usize> = 1..=1 << 32;
    const MESSAGE_MAX_BOUNDS: RangeInclusive<usize> = 64..=1 << 32;
    const PENDING_MAX_BOUNDS: RangeInclusive<usize> = 1 << 10..=1 << 28;

    /// Begins the settings with an address.
    ///
    /// An address begins with `redis://`, `rediss://` for TLS, or `redis+unix://`; it may have a
    /// user and a password, and `?protocol=resp3`. Like all settings it is checked by `start`.
    pub fn new(address: impl Into<String>) -> Self {
        Self::of(address::endpoint(&address.into()))
    }

    /// Begins the settings with the connection settings of redis-rs.
    ///
    /// Certificates that were set there cannot be read from them: see
    /// [`authorities`](Self::authorities), or [`from_connect`](Self::from_connect) for a
    /// certificate of our own.
    pub fn from_info(info: ConnectionInfo) -> Self {
        Self::of(Ok(Endpoint::Info(Box::new(info))))
    }

    /// Begins the settings with anything that makes a connection.
    ///
    /// The connection is logged in already if it has to be.
    pub fn from_connect(connect: impl Connect) -> Self {
        Self::of(Ok(Endpoint::Function(Arc::new(connect))))
    }

    /// Begins the settings with anything that connects to a cluster's nodes.
    ///
    /// They are logged in already if they have to be. Nodes are named as the cluster names them,
    /// beginning with `host` and `port`: where these are not how they are reached, as behind a
    /// proxy or in containers, this is the place to say how.
    pub fn from_connect_node(host: impl Into<String>, port: u16, connect: impl ConnectNode) -> Self {
        Self::of(Ok(Endpoint::Node { host: host.into(), port, connect: Arc::new(connect) }))
    }

    fn of(source: Result<Endpoint, Error>) -> Self {
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
}

impl Config {
    /// Sets how long Redis may say nothing before it is asked for a sign of life.
    ///
    /// The connection is given up after as long again without an answer. Default 30 s, 1 ms to
    /// 24 h. Less notices a dead connection sooner, and asks more often.
    pub fn ping_timeout(self, ping_timeout: Duration) -> Self {
        Self { ping_timeout, ..self }
    }

    /// Sets how long connecting may take, login included.
    ///
    /// Default 5 s, 1 ms to 10 min. More suits a server that is far away or slow to log in;
    /// less goes on sooner to the next attempt. A node of a cluster then has as long again, and at
    /// least 1 s, to say which master has which slots.
    pub fn connect_timeout(self, connect_timeout: Duration) -> Self {
        Self { connect_timeout, ..self }
    }

    /// Sets half of the longest wait before the second attempt to connect.
    ///
    /// The wait is random, and its bound doubles with each further attempt. Default 8 ms, 1 ms up
    /// to [`backoff_max`](Self::backoff_max). More spreads the attempts of many processes further
    /// when their Redis comes back.
    pub fn backoff_min(self, backoff_min: Duration) -> Self {
        Self { backoff_min, ..self }
    }

    /// Sets the longest wait between two attempts to connect.
    ///
    /// Default 512 ms, 1 ms to 10 min. More spares a Redis that many processes call; less finds
    /// one that is back sooner.
    pub fn backoff_max(self, backoff_max: Duration) -> Self {
        Self { backoff_max, ..self }
    }

    /// Sets how many names go into one command.
    ///
    /// Default 512 names, 1 to 4,096. Less keeps Redis from serving others for a shorter time; more
    /// subscribes to many names in fewer commands.
    pub fn batch_max(self, batch_max: usize) -> Self {
        Self { batch_max, ..self }
    }

    /// Sets how many messages a subscription keeps until it reads them.
    ///
    /// Default 1,000 messages, 1 to 2^32. More bridges longer pauses of a reader; the memory for
    /// that is taken when it is needed, by each subscription.
    pub fn queue_max(self, queue_max: usize) -> Self {
        Self { queue_max, ..self }
    }

    /// Sets what happens when a subscription has more than `queue_max` to read.
    ///
    /// Default [`Policy::DropOldest`]: the oldest message goes, and the subscription is told how
    /// many went. [`Policy::Close`] is for readers that are of no use with a gap.
    pub fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// Sets how long a message may be, in bytes; a longer one ends the connection.
    ///
    /// Default 512 MiB, which is what Redis allows; 64 bytes to 4 GiB. Less bounds the memory that
    /// a single message can take.
    pub fn message_max(self, message_max: usize) -> Self {
        Self { message_max, ..self }
    }

    /// Sets how many bytes a [`Publisher`](crate::Publisher) holds at most.
    ///
    /// They are those of messages that Redis has not answered; a caller that gives more waits.
    /// Default 16 MiB, 1 KiB to 256 MiB. More lets longer bursts in without a wait; less bounds
    /// what is [`Uncertain`](crate::ErrorKind::Uncertain) after a loss.
    pub fn pending_max(self, pending_max: usize) -> Self {
        Self { pending_max, ..self }
    }

    /// Sets certificates of authorities to trust instead of this machine's, in PEM.
    ///
    /// They are for TLS only. Default: those of the machine. Set it where the certificate of Redis
    /// is signed by an authority of your own.
    pub fn authorities(self, authorities: impl Into<Vec<u8>>) -> Self {
        Self { authorities: Some(authorities.into()), ..self }
    }

    /// Sets more nodes of a cluster, asked for its map beside the first.
    ///
    /// Only a [`ShardedMultiplexer`](crate::ShardedMultiplexer) uses them. Default: none. Name some
    /// so that it can also start while the first is down.
    pub fn nodes<H: Into<String>>(self, nodes: impl IntoIterator<Item = (H, u16)>) -> Self {
        Self { nodes: nodes.into_iter().map(|(host, port)| (host.into(), port)).collect(), ..self }
    }

    /// Sets the seed of the random waits.
    ///
    /// Default: a random one. Set it to have the waits repeat, in a simulation.
    pub fn jitter_seed(self, jitter_seed: u64) -> Self {
        Self { jitter_seed: Some(jitter_seed), ..self }
    }
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
