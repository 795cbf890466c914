//! Settings of a client.

mod address;
mod bounds;

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;

pub(crate) use self::address::Address;
use crate::error::Error;
use crate::headers::HandshakeHeaders;
use crate::policy::Policy;

/// Settings of a client.
///
/// They begin with the address of the hub; all else has a default, and a setter that takes and
/// returns the settings. Nothing is checked before the start, whose error names the setting, its
/// value and its bounds.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use conductor_client::{Config, Policy};
///
/// let config = Config::new("wss://chat.example/ws")
///     .ping_interval(Duration::from_secs(10))
///     .events_max(10_000)
///     .policy(Policy::Close);
/// # drop(config);
/// ```
#[derive(Clone)]
#[must_use = "settings do nothing until something is started with them"]
pub struct Config {
    url: String,
    pub(crate) headers: Arc<dyn HandshakeHeaders>,
    pub(crate) authorities: Option<Vec<u8>>,
    pub(crate) connect_timeout: Duration,
    pub(crate) reconnect_delay_min: Duration,
    pub(crate) reconnect_delay_max: Duration,
    pub(crate) ping_interval: Duration,
    pub(crate) pong_timeout: Duration,
    pub(crate) send_timeout: Duration,
    pub(crate) call_timeout: Duration,
    pub(crate) message_bytes_max: usize,
    pub(crate) received_bytes_max: usize,
    pub(crate) unsent_max: usize,
    pub(crate) unsent_bytes_max: usize,
    pub(crate) events_max: usize,
    pub(crate) events_bytes_max: usize,
    pub(crate) policy: Policy,
    pub(crate) channels_max: usize,
    pub(crate) name_bytes_max: usize,
    pub(crate) calls_max: usize,
    pub(crate) streams_max: usize,
    pub(crate) stream_bytes_max: usize,
    pub(crate) stream_pause_max: Duration,
    pub(crate) jitter_seed: Option<u64>,
}

impl Config {
    const CONNECT_TIMEOUT_BOUNDS: RangeInclusive<Duration> =
        Duration::from_millis(1)..=Duration::from_secs(10 * 60);
    const RECONNECT_DELAY_MAX_BOUNDS: RangeInclusive<Duration> =
        Duration::from_millis(1)..=Duration::from_secs(10 * 60);
    const PING_INTERVAL_BOUNDS: RangeInclusive<Duration> =
        Duration::from_millis(10)..=Duration::from_secs(10 * 60);
    const PONG_TIMEOUT_BOUNDS: RangeInclusive<Duration> =
        Duration::from_millis(10)..=Duration::from_secs(10 * 60);
    const SEND_TIMEOUT_BOUNDS: RangeInclusive<Duration> =
        Duration::from_millis(1)..=Duration::from_secs(10 * 60);
    const CALL_TIMEOUT_BOUNDS: RangeInclusive<Duration> =
        Duration::from_millis(1)..=Duration::from_secs(10 * 60);
    const MESSAGE_BYTES_MAX_BOUNDS: RangeInclusive<usize> = 1 << 10..=1 << 28;
    const RECEIVED_BYTES_MAX_BOUNDS: RangeInclusive<usize> = 1 << 10..=1 << 28;
    const UNSENT_MAX_BOUNDS: RangeInclusive<usize> = 1..=1 << 20;
    const UNSENT_BYTES_MAX_BOUNDS: RangeInclusive<usize> = 1 << 10..=1 << 28;
    const EVENTS_MAX_BOUNDS: RangeInclusive<usize> = 1..=1 << 20;
    const EVENTS_BYTES_MAX_BOUNDS: RangeInclusive<usize> = 1 << 10..=1 << 30;
    const CHANNELS_MAX_BOUNDS: RangeInclusive<usize> = 1..=1 << 16;
    const NAME_BYTES_MAX_BOUNDS: RangeInclusive<usize> = 1..=65_535;
    const CALLS_MAX_BOUNDS: RangeInclusive<usize> = 1..=1 << 16;
    const STREAMS_MAX_BOUNDS: RangeInclusive<usize> = 1..=1 << 16;
    const STREAM_BYTES_MAX_BOUNDS: RangeInclusive<usize> = 1 << 10..=1 << 28;
    const STREAM_PAUSE_MAX_BOUNDS: RangeInclusive<Duration> =
        Duration::from_millis(1)..=Duration::from_secs(10 * 60);

    /// Begins the settings with the address of a hub.
    ///
    /// It begins with `ws://`, or with `wss://` for TLS. Like all settings it is checked by the
    /// start.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            headers: Arc::new(HeaderMap::new()),
            authorities: None,
            connect_timeout: Duration::from_secs(10),
            reconnect_delay_min: Duration::from_millis(500),
            reconnect_delay_max: Duration::from_secs(20),
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(10),
            send_timeout: Duration::from_secs(10),
            call_timeout: Duration::from_secs(30),
            message_bytes_max: 256_000,
            received_bytes_max: 1024 * 1024,
            unsent_max: 1_024,
            unsent_bytes_max: 4 * 1024 * 1024,
            events_max: 1_024,
            events_bytes_max: 4 * 1024 * 1024,
            policy: Policy::default(),
            channels_max: 1_000,
            name_bytes_max: 512,
            calls_max: 1_024,
            streams_max: 64,
            stream_bytes_max: 256 * 1024,
            stream_pause_max: Duration::from_secs(2),
            jitter_seed: None,
        }
    }

    /// Sets which headers each handshake has, such as `Authorization`.
    ///
    /// Default: none but those of a handshake. They are asked for before each attempt to connect,
    /// see [`HandshakeHeaders`]; those that do not change are an `http::HeaderMap`.
    pub fn headers(self, headers: impl HandshakeHeaders) -> Self {
        Self { headers: Arc::new(headers), ..self }
    }

    /// Sets certificates of authorities to trust instead of this machine's, in PEM.
    ///
    /// They are for TLS only. Default: those of the machine. Set it where the certificate of the
    /// hub is signed by an authority of your own.
    pub fn authorities(self, authorities: impl Into<Vec<u8>>) -> Self {
        Self { authorities: Some(authorities.into()), ..self }
    }

    /// Sets how long an attempt to connect may take.
    ///
    /// That is with TLS, the headers and the handshake. Default 10 s, 1 ms to 10 min. Less goes on
    /// sooner to the next attempt. Of a name with several addresses the next one is tried 250 ms
    /// behind one that does not answer, and beside it.
    pub fn connect_timeout(self, connect_timeout: Duration) -> Self {
        Self { connect_timeout, ..self }
    }

    /// Sets below what the random delay before the first reconnect is.
    ///
    /// That bound doubles with each further attempt. Default 500 ms, 1 ms up to
    /// [`reconnect_delay_max`](Self::reconnect_delay_max). More spreads the clients of a hub
    /// further when it restarts.
    pub fn reconnect_delay_min(self, reconnect_delay_min: Duration) -> Self {
        Self { reconnect_delay_min, ..self }
    }

    /// Sets the longest delay between two attempts to connect.
    ///
    /// Default 20 s, 1 ms to 10 min. Less finds a hub that is back sooner; more spares one that
    /// many clients try to reach. A hub that refuses with `Retry-After` is obeyed up to 15 times as
    /// long, with the random delay on top.
    pub fn reconnect_delay_max(self, reconnect_delay_max: Duration) -> Self {
        Self { reconnect_delay_max, ..self }
    }

    /// Sets how long the hub may say nothing before it is pinged.
    ///
    /// Default 25 s, 10 ms to 10 min. Less notices a dead connection sooner, and keeps those alive
    /// that a proxy ends when they are idle.
    pub fn ping_interval(self, ping_interval: Duration) -> Self {
        Self { ping_interval, ..self }
    }

    /// Sets how long the hub has to answer a ping.
    ///
    /// The connection counts as lost after that, unless the hub goes on taking what is sent.
    /// Default 10 s, 10 ms to 10 min. More suits networks that stall, and uploads to readers who
    /// take less than 256 KiB in that time: the hub answers behind what was sent, and in an upload
    /// it is pinged that often.
    pub fn pong_timeout(self, pong_timeout: Duration) -> Self {
        Self { pong_timeout, ..self }
    }

    /// Sets how long a message waits to be taken: for a connection, and for room.
    ///
    /// Default 10 s, 1 ms to 10 min. Less says sooner that there is no connection, more bridges
    /// longer outages.
    pub fn send_timeout(self, send_timeout: Duration) -> Self {
        Self { send_timeout, ..self }
    }

    /// Sets how long a call waits for its answer, from when it was taken to be sent.
    ///
    /// As long a call that could not be sent goes out again after a loss. Default 30 s, 1 ms to
    /// 10 min. More suits calls that take long to answer.
    pub fn call_timeout(self, call_timeout: Duration) -> Self {
        Self { call_timeout, ..self }
    }

    /// Sets how long a message to the hub may be, in bytes with all its parts.
    ///
    /// Default 256,000 bytes, as hubs allow unless they are told otherwise; 1 KiB to 256 MiB. A hub
    /// ends the connection over a message that is too long for it, and the client would not come
    /// back: so set what the hub has.
    pub fn message_bytes_max(self, message_bytes_max: usize) -> Self {
        Self { message_bytes_max, ..self }
    }

    /// Sets how long a message of the hub may be, in bytes with all its parts.
    ///
    /// Default 1 MiB, 1 KiB to 256 MiB. A longer one ends the connection. More is for hubs whose
    /// programs send longer answers.
    pub fn received_bytes_max(self, received_bytes_max: usize) -> Self {
        Self { received_bytes_max, ..self }
    }

    /// Sets how many messages wait to be sent; who sends more waits.
    ///
    /// Default 1,024 messages, 1 to 2^20. More lets longer bursts in without a wait; less bounds
    /// what a loss of the connection takes along.
    pub fn unsent_max(self, unsent_max: usize) -> Self {
        Self { unsent_max, ..self }
    }

    /// Sets how many bytes wait to be sent; who sends more waits.
    ///
    /// Default 4 MiB, 1 KiB to 256 MiB, and at least one message of
    /// [`message_bytes_max`](Self::message_bytes_max). More lets longer bursts in.
    pub fn unsent_bytes_max(self, unsent_bytes_max: usize) -> Self {
        Self { unsent_bytes_max, ..self }
    }

    /// Sets how many events a subscription keeps until it reads them.
    ///
    /// Default 1,024 events, 1 to 2^20. More bridges longer pauses of a reader.
    pub fn events_max(self, events_max: usize) -> Self {
        Self { events_max, ..self }
    }

    /// Sets how many bytes of events a subscription keeps until it reads them.
    ///
    /// Default 4 MiB, 1 KiB to 1 GiB. One event is kept however long it is. More bridges longer
    /// pauses of a reader.
    pub fn events_bytes_max(self, events_bytes_max: usize) -> Self {
        Self { events_bytes_max, ..self }
    }

    /// Sets what happens when a subscription has more to read than it keeps.
    ///
    /// Default [`Policy::DropOldest`]: the oldest event goes, and the subscription is told how many
    /// went.
    pub fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// Sets how many channels the client may be bound to.
    ///
    /// Default 1,000 channels, as hubs allow unless they are told otherwise; 1 to 65,536. A hub
    /// ends the connection over one too many, and the client would not come back: so set what the
    /// hub has.
    pub fn channels_max(self, channels_max: usize) -> Self {
        Self { channels_max, ..self }
    }

    /// Sets how long the name of a channel may be, in bytes.
    ///
    /// Default 512 bytes, as hubs allow unless they are told otherwise; 1 to 65,535. Names that
    /// begin with `$` may be longer. A hub ends the connection over a longer one, and the client
    /// would not come back: so set what the hub has.
    pub fn name_bytes_max(self, name_bytes_max: usize) -> Self {
        Self { name_bytes_max, ..self }
    }

    /// Sets how many calls may wait for their answers.
    ///
    /// Default 1,024 calls, 1 to 65,536. One more fails with an error of kind `Busy`. Each keeps
    /// its message until it is answered, as that may have to go out again: so this times
    /// [`message_bytes_max`](Self::message_bytes_max) is what they need at most.
    pub fn calls_max(self, calls_max: usize) -> Self {
        Self { calls_max, ..self }
    }

    /// Sets how many streams of others may be open.
    ///
    /// Default 64 streams, 1 to 65,536. One more fails with an error of kind `Overflow`. As many
    /// wait in a [`Streams`](crate::Streams) until it is asked for them.
    pub fn streams_max(self, streams_max: usize) -> Self {
        Self { streams_max, ..self }
    }

    /// Sets how many bytes of an incoming stream are kept until they are read.
    ///
    /// Default 256 KiB, 1 KiB to 256 MiB. One piece is kept however long it is. More bridges
    /// longer pauses of a reader.
    pub fn stream_bytes_max(self, stream_bytes_max: usize) -> Self {
        Self { stream_bytes_max, ..self }
    }

    /// Sets how long the client waits for a program that does not read a stream.
    ///
    /// Nothing else is read from the hub meanwhile; after that the stream fails with an error of
    /// kind `Overflow`. Default 2 s, 1 ms to 10 min. More suits slow disks; a hub loses its
    /// patience, too.
    pub fn stream_pause_max(self, stream_pause_max: Duration) -> Self {
        Self { stream_pause_max, ..self }
    }

    /// Sets the seed of the random delays.
    ///
    /// Default: a random one. Set it to have the delays repeat, in a test.
    pub fn jitter_seed(self, jitter_seed: u64) -> Self {
        Self { jitter_seed: Some(jitter_seed), ..self }
    }

    /// Reads the address.
    pub(crate) fn address(&self) -> Result<Address, Error> {
        Address::parse(&self.url)
    }
}

impl fmt::Debug for Config {
    /// Leaves out the address and the headers, which may hold a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("connect_timeout", &self.connect_timeout)
            .field("reconnect_delay_min", &self.reconnect_delay_min)
            .field("reconnect_delay_max", &self.reconnect_delay_max)
            .field("ping_interval", &self.ping_interval)
            .field("pong_timeout", &self.pong_timeout)
            .field("send_timeout", &self.send_timeout)
            .field("call_timeout", &self.call_timeout)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
