//! What can be tuned about a hub.

mod bounds;

use std::ops::{RangeFrom, RangeInclusive};
use std::time::Duration;

use crate::Rates;

/// The limits and times of a hub.
///
/// It begins with `Config::default()` and is changed by its setters;
/// [`Hub::start`](crate::Hub::start) checks the whole once.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use conductor_hub::{Config, Hooks, Hub};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), conductor_hub::Error> {
/// let config = Config::default().connections_max(10_000).ping_interval(Duration::from_secs(25));
/// let hub = Hub::start(config, Hooks::default())?;
/// # drop(hub);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) message_bytes_max: usize,
    pub(crate) name_bytes_max: usize,
    pub(crate) message_timeout: Duration,
    pub(crate) unfinished_bytes_max: usize,
    pub(crate) outbox_bytes_max: usize,
    pub(crate) outboxes_bytes_max: usize,
    pub(crate) stall_timeout: Duration,
    pub(crate) sender_pause_max: Duration,
    pub(crate) ping_interval: Duration,
    pub(crate) pong_timeout: Duration,
    pub(crate) close_timeout: Duration,
    pub(crate) drain_time: Duration,
    pub(crate) connections_max: usize,
    pub(crate) channels_per_connection_max: usize,
    pub(crate) binds_bytes_max: usize,
    pub(crate) all_binds_bytes_max: usize,
    pub(crate) dedup_ttl: Duration,
    pub(crate) dedup_bytes_max: usize,
    pub(crate) allowed_origins: Vec<String>,
    pub(crate) admit_timeout: Duration,
    pub(crate) admissions_max: usize,
    pub(crate) rates: Rates,
    pub(crate) compress_from: Option<usize>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            message_bytes_max: Self::MESSAGE_BYTES_MAX_DEFAULT,
            name_bytes_max: 512,
            message_timeout: Duration::from_secs(30),
            unfinished_bytes_max: 64 * 1024 * 1024,
            outbox_bytes_max: Self::OUTBOX_BYTES_MAX_DEFAULT,
            outboxes_bytes_max: 256 * 1024 * 1024,
            stall_timeout: Duration::from_secs(10),
            sender_pause_max: Duration::from_secs(2),
            ping_interval: Duration::from_secs(54),
            pong_timeout: Duration::from_secs(6),
            close_timeout: Duration::from_secs(5),
            drain_time: Duration::ZERO,
            connections_max: 100_000,
            channels_per_connection_max: 1_000,
            binds_bytes_max: 512 * 1024,
            all_binds_bytes_max: 512 * 1024 * 1024,
            dedup_ttl: Duration::from_secs(30),
            dedup_bytes_max: 64 * 1024 * 1024,
            allowed_origins: Vec::new(),
            admit_timeout: Duration::from_secs(10),
            admissions_max: 1_024,
            rates: Rates::default(),
            compress_from: None,
        }
    }
}

impl Config {
    /// What [`message_bytes_max`](Self::message_bytes_max) is unless it is set.
    pub const MESSAGE_BYTES_MAX_DEFAULT: usize = 256_000;

    /// Between what [`message_bytes_max`](Self::message_bytes_max) is.
    pub const MESSAGE_BYTES_MAX_BOUNDS: RangeFrom<usize> = 64..;

    /// What [`outbox_bytes_max`](Self::outbox_bytes_max) is unless it is set.
    pub const OUTBOX_BYTES_MAX_DEFAULT: usize = 1024 * 1024;
    /// A good value of [`compress_from`](Self::compress_from).
    ///
    /// Shorter messages hardly get smaller.
    pub const COMPRESS_FROM_SUGGESTED: usize = 1024;

    /// Between what [`compress_from`](Self::compress_from) is.
    pub const COMPRESS_FROM_BOUNDS: RangeFrom<usize> = 64..;

    /// Between what each of the times is.
    pub const TIME_BOUNDS: RangeInclusive<Duration> =
        Duration::from_millis(100)..=Duration::from_secs(24 * 60 * 60);

    /// Between what [`drain_time`](Self::drain_time) is.
    pub const DRAIN_TIME_BOUNDS: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(60 * 60);

    const NAME_BYTES_MAX_BOUNDS: RangeFrom<usize> = 1..;
    const CONNECTIONS_MAX_BOUNDS: RangeFrom<usize> = 1..;
    const CHANNELS_PER_CONNECTION_MAX_BOUNDS: RangeFrom<usize> = 1..;
    const BINDS_BYTES_MAX_BOUNDS: RangeFrom<usize> = 4 * 1024..;
    const DEDUP_BYTES_MAX_BOUNDS: RangeFrom<usize> = 64 * 1024..;
    const ADMISSIONS_MAX_BOUNDS: RangeFrom<usize> = 1..;

    /// Sets the longest message that a client may send, in bytes.
    ///
    /// 256,000 by default, at least 64. A longer one ends the connection with code 1009. Other
    /// bounds depend on this one; [`for_messages_of`](Self::for_messages_of) sets them as well.
    #[must_use]
    pub fn message_bytes_max(self, bytes: usize) -> Self {
        Self { message_bytes_max: bytes, ..self }
    }

    /// Sets the longest message, and raises the bounds that depend on it.
    ///
    /// [`outbox_bytes_max`](Self::outbox_bytes_max) becomes at least twice as much,
    /// [`outboxes_bytes_max`](Self::outboxes_bytes_max) at least 16 outboxes, and
    /// [`unfinished_bytes_max`](Self::unfinished_bytes_max) at least eight messages. What is larger
    /// stays. For programs that need nothing but another length of messages.
    #[must_use]
    pub fn for_messages_of(self, bytes: usize) -> Self {
        let outbox_bytes_max = self.outbox_bytes_max.max(bytes.saturating_mul(2));
        Self {
            message_bytes_max: bytes,
            outbox_bytes_max,
            outboxes_bytes_max: self.outboxes_bytes_max.max(outbox_bytes_max.saturating_mul(16)),
            unfinished_bytes_max: self.unfinished_bytes_max.max(bytes.saturating_mul(8)),
            ..self
        }
    }

    /// Sets the longest name of a channel in a client's message, in bytes.
    ///
    /// 512 by default, at least 1. A longer one ends the connection with code 4300. Names that
    /// begin with `$`, by custom the server's own, may be longer. More suits channels that are
    /// named by paths or keys. Sisters need the same: a link over which a longer name comes is
    /// ended, and the program of a hub with sisters cannot publish to one.
    #[must_use]
    pub fn name_bytes_max(self, bytes: usize) -> Self {
        Self { name_bytes_max: bytes, ..self }
    }

    /// Sets how long a client may take for one message, from first byte to last.
    ///
    /// 30 s by default, 100 ms to 24 h. Longer suits large messages over slow networks; shorter
    /// ends clients sooner that begin messages and do not finish them.
    #[must_use]
    pub fn message_timeout(self, time: Duration) -> Self {
        Self { message_timeout: time, ..self }
    }

    /// Sets the most bytes of all clients' messages that cannot be routed yet.
    ///
    /// 64 MiB by default, at least four times `message_bytes_max`. Messages that are not complete
    /// count as well. Beyond it the connection is ended whose message has been standing still for
    /// longest, but for what waits for readers, at this node or at others. That may be half of all;
    /// beyond it no more is read of who waits, and no other sender waits for a reader or a link.
    /// The other half is always there for messages that are not complete. More suits servers to
    /// which many send large messages slowly, or to slow readers.
    #[must_use]
    pub fn unfinished_bytes_max(self, bytes: usize) -> Self {
        Self { unfinished_bytes_max: bytes, ..self }
    }

    /// Sets the most bytes that wait for one connection, with 64 for each frame.
    ///
    /// 1 MiB by default, at least twice `message_bytes_max`. Above half of it, or for a message
    /// that has no room in it, who sends to the connection waits, see
    /// [`sender_pause_max`](Self::sender_pause_max). A connection that takes less than 64 KiB a
    /// second for 5 s above half (7.5 s if it has just taken much), or that has more than all of it
    /// to read, is a slow reader. More suits clients that read in bursts.
    #[must_use]
    pub fn outbox_bytes_max(self, bytes: usize) -> Self {
        Self { outbox_bytes_max: bytes, ..self }
    }

    /// Sets the most bytes that wait for all connections together.
    ///
    /// 256 MiB by default, at least four times `outbox_bytes_max`. What many of them share counts
    /// once. Beyond it connections that have read nothing for a quarter of a second are ended as
    /// slow readers until half of it is free, those first that hold most; and if that is not
    /// enough, those that have taken nothing for longest, until there is room. Such a connection is
    /// cut if it does not take its close frame at once. More suits servers with many slow readers.
    #[must_use]
    pub fn outboxes_bytes_max(self, bytes: usize) -> Self {
        Self { outboxes_bytes_max: bytes, ..self }
    }

    /// Sets how long a connection may have bytes waiting without reading any.
    ///
    /// 10 s by default, 100 ms to 24 h. Then it is a slow reader. Longer suits networks that pause,
    /// such as mobile ones; shorter frees memory sooner.
    #[must_use]
    pub fn stall_timeout(self, time: Duration) -> Self {
        Self { stall_timeout: time, ..self }
    }

    /// Sets how long a sender waits for readers with one message, at most.
    ///
    /// 2 s by default, 100 ms to 24 h. It waits while more than half of an outbox waits for a
    /// member of the channel, also at a sister, or the message has no room in that outbox; who sent
    /// little lately, while three quarters wait. It waits as well while 128 KiB of the channel are
    /// on their way to a sister and she has not taken them. Then the message is delivered, and ends
    /// a reader who has no room for it. Longer suits networks that pause, shorter lets slow readers
    /// slow others less.
    #[must_use]
    pub fn sender_pause_max(self, time: Duration) -> Self {
        Self { sender_pause_max: time, ..self }
    }

    /// Sets how long a connection may be silent before it is sent a ping.
    ///
    /// 54 s by default, 100 ms to 24 h. The first interval of each is cut at random, so that pings
    /// spread over time. Shorter notices lost clients sooner, and keeps proxies from closing what
    /// they take for idle.
    #[must_use]
    pub fn ping_interval(self, time: Duration) -> Self {
        Self { ping_interval: time, ..self }
    }

    /// Sets how long the client may take to answer a ping.
    ///
    /// 6 s by default, 100 ms to 24 h. Longer suits networks that pause.
    #[must_use]
    pub fn pong_timeout(self, time: Duration) -> Self {
        Self { pong_timeout: time, ..self }
    }

    /// Sets how long the peer of a closing connection may take to close its side.
    ///
    /// 5 s by default, 100 ms to 24 h. Longer lets slow clients read what was queued for them and
    /// why they were closed; shorter makes a shutdown quicker.
    #[must_use]
    pub fn close_timeout(self, time: Duration) -> Self {
        Self { close_timeout: time, ..self }
    }

    /// Sets over what time a shutdown closes the connections, one after another.
    ///
    /// 0 s by default, so that all are closed at once, 0 s to 1 h. Their closes are spread evenly
    /// over it, for half of the rest of the shutdown's grace at most. Meanwhile new clients are
    /// refused with status 503, and calls by way of [`Hooks::calls`](crate::Hooks::calls) as too
    /// many. A few seconds suit hubs with many clients, who would all connect elsewhere in the same
    /// moment.
    #[must_use]
    pub fn drain_time(self, time: Duration) -> Self {
        Self { drain_time: time, ..self }
    }

    /// Sets the most connections at once.
    ///
    /// 100,000 by default, at least 1. More are refused with status 503. Then those who have sent
    /// nothing for as long as `pong_timeout` are sent a ping, at most once in that time, so that
    /// who never answers keeps nobody out for long. It should be below the number of files that the
    /// process may open.
    #[must_use]
    pub fn connections_max(self, connections: usize) -> Self {
        Self { connections_max: connections, ..self }
    }

    /// Sets the most channels that one connection may be bound to.
    ///
    /// 1,000 by default, at least 1. One more ends the connection with code 4003. More suits
    /// clients that watch many things at once; `binds_bytes_max` has to follow.
    #[must_use]
    pub fn channels_per_connection_max(self, channels: usize) -> Self {
        Self { channels_per_connection_max: channels, ..self }
    }

    /// Sets the most bytes that being bound costs one connection.
    ///
    /// 512 KiB by default, at least 4 KiB. Its names count with about 400 bytes for each, so 1,000
    /// names may have 124 bytes on average. More suits many channels or long names.
    #[must_use]
    pub fn binds_bytes_max(self, bytes: usize) -> Self {
        Self { binds_bytes_max: bytes, ..self }
    }

    /// Sets the most bytes that the binds and open streams of all cost together.
    ///
    /// 512 MiB by default, at least `binds_bytes_max`. A bind counts with 128 bytes. A channel
    /// counts once, with its name and 272 bytes, of which each member has an equal share. An open
    /// stream counts with the name of its channel, its uuid and 256 bytes, for its sender. Beyond
    /// the bound the connections with the largest shares are ended with code 4101, until 1/256 of
    /// it is free. Connections stay that are bound to few channels, or to channels that many share.
    /// More suits many clients with many channels each.
    #[must_use]
    pub fn all_binds_bytes_max(self, bytes: usize) -> Self {
        Self { all_binds_bytes_max: bytes, ..self }
    }

    /// Sets how long the uuid of a message is remembered.
    ///
    /// 30 s by default, 100 ms to 24 h. A repetition of the message is dropped for so long, and for
    /// twice that at most. It should be longer than clients go on repeating a message.
    #[must_use]
    pub fn dedup_ttl(self, time: Duration) -> Self {
        Self { dedup_ttl: time, ..self }
    }

    /// Sets the most bytes for the uuids that are remembered.
    ///
    /// 64 MiB by default, at least 64 KiB. That is enough for 900,000 within `dedup_ttl`; beyond it
    /// the oldest are forgotten early. More suits servers with more messages than that.
    #[must_use]
    pub fn dedup_bytes_max(self, bytes: usize) -> Self {
        Self { dedup_bytes_max: bytes, ..self }
    }

    /// Sets the origins whose pages may connect, such as `https://chat.example.org`.
    ///
    /// None by default, because any page that a user visits could otherwise speak in their name.
    /// Pages that are served by the same host and port may connect in any case; `*` allows all. Any
    /// texts are taken: one that is not an origin allows nobody.
    #[must_use]
    pub fn allowed_origins(self, origins: impl IntoIterator<Item: Into<String>>) -> Self {
        Self { allowed_origins: origins.into_iter().map(Into::into).collect(), ..self }
    }

    /// Sets how long the auth hook may take to admit a client.
    ///
    /// 10 s by default, 100 ms to 24 h. Then the client is refused with status 503 and may come
    /// again, and what the hook waits for is dropped. Longer suits hooks that ask slow servers.
    #[must_use]
    pub fn admit_timeout(self, time: Duration) -> Self {
        Self { admit_timeout: time, ..self }
    }

    /// Sets the most clients that the auth hook is asked about at once.
    ///
    /// 1,024 by default, at least 1. More are refused with status 503 and may come again. More
    /// suits hooks that take long and servers to which many come at once.
    #[must_use]
    pub fn admissions_max(self, admissions: usize) -> Self {
        Self { admissions_max: admissions, ..self }
    }

    /// Sets how much each connection may send in a second.
    ///
    /// Nothing is bounded by default. A connection that exceeds one of the [`Rates`] is closed with
    /// code 4102, and may come back after a while; what it sent before is delivered. They suit hubs
    /// whose clients are not their own.
    #[must_use]
    pub fn rates(self, rates: Rates) -> Self {
        Self { rates, ..self }
    }

    /// Sets from how many bytes on messages are compressed.
    ///
    /// They are for clients that offer to inflate them.
    ///
    /// Nothing is compressed by default; at least 64, and 1,024
    /// ([`COMPRESS_FROM_SUGGESTED`](Self::COMPRESS_FROM_SUGGESTED)) suits most. With it the hub
    /// accepts permessage-deflate, without context takeover in either direction: an idle
    /// connection holds no state of zlib, and a message is compressed once whatever the number of
    /// its receivers, if that makes it smaller and it has at most 1 MiB. What clients send has
    /// the same limit once it is inflated. It suits texts over slow or paid networks, and costs
    /// the processor time for each of them once. A message that holds a secret beside text of a
    /// stranger's choice tells something of the secret by its length, over TLS as well.
    #[must_use]
    pub fn compress_from(self, bytes: usize) -> Self {
        Self { compress_from: Some(bytes), ..self }
    }
}
