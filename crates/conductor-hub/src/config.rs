//! What can be tuned about a hub.

use std::time::Duration;

use crate::{Error, ErrorKind};

/// The limits and times of a hub.
///
/// Made with `Config::default()` and changed field by field; checked once, by
/// [`Hub::start`](crate::Hub::start).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The longest message that a client may send, in bytes.
    ///
    /// 256,000 by default, at least 64.
    pub message_bytes_max: usize,
    /// The longest name of a channel in a client's message, in bytes.
    ///
    /// 512 by default, at least 1. Names that begin with `$`, by custom the server's own, may be
    /// longer.
    pub name_bytes_max: usize,
    /// How long a client may take for one message, from first byte to last.
    ///
    /// 30 s by default, at least 100 ms.
    pub message_timeout: Duration,
    /// The most bytes of all clients' messages that cannot be routed yet.
    ///
    /// Messages that are not complete count as well. 64 MiB by default, at least four times
    /// `message_bytes_max`. Beyond it the connection is ended whose message has been standing still
    /// for longest.
    pub unfinished_bytes_max: usize,
    /// The most bytes that wait for one connection, with 64 for each frame.
    ///
    /// 1 MiB by default, at least twice `message_bytes_max`. A connection that has more to read is
    /// a slow reader.
    pub outbox_bytes_max: usize,
    /// The most bytes that wait for all connections together.
    ///
    /// 256 MiB by default, at least four times `outbox_bytes_max`. What many of them share counts
    /// once. Beyond it connections that have read nothing for a quarter of a second are ended as
    /// slow readers until half of it is free, those first that hold most; and if that is not
    /// enough, those that have taken nothing for longest, until there is room. Such a connection is
    /// cut if it does not take its close frame at once. More suits servers with many slow readers.
    pub outboxes_bytes_max: usize,
    /// How long a connection may have bytes waiting without reading any.
    ///
    /// 10 s by default, at least 100 ms. Then it is a slow reader.
    pub stall_timeout: Duration,
    /// How long a sender waits for a reader who is behind, at most.
    ///
    /// 2 s by default, at least 100 ms. It waits while the reader makes progress. A reader that
    /// takes nothing for half as long, or has not caught up by then, is waited for no more and
    /// becomes a slow reader when its outbox is full. Longer suits slow networks, shorter lets slow
    /// readers slow others less.
    pub sender_pause_max: Duration,
    /// How long a connection may be silent before it is sent a ping.
    ///
    /// 54 s by default, at least 100 ms. The first interval of each is cut at random, so that pings
    /// spread over time.
    pub ping_interval: Duration,
    /// How long the client may take to answer a ping.
    ///
    /// 6 s by default, at least 100 ms.
    pub pong_timeout: Duration,
    /// How long the peer of a closing connection may take to close its side.
    ///
    /// 5 s by default, at least 100 ms.
    pub close_timeout: Duration,
    /// The most connections at once.
    ///
    /// 100,000 by default. More are refused with status 503.
    pub connections_max: usize,
    /// The most channels that one connection may be bound to.
    ///
    /// 1,000 by default, at least 1.
    pub channels_per_connection_max: usize,
    /// The most bytes that being bound costs one connection.
    ///
    /// Its names count with about 400 bytes for each: 512 KiB by default, at least 4 KiB. So 1,000
    /// names may have 124 bytes on average.
    pub binds_bytes_max: usize,
    /// How long the uuid of a message is remembered.
    ///
    /// A repetition of the message is dropped for so long: 30 s by default; twice that at most.
    pub dedup_ttl: Duration,
    /// The most bytes for the uuids remembered.
    ///
    /// 64 MiB by default, at least 64 KiB. That is enough for 900,000 within `dedup_ttl`; beyond it
    /// the oldest are forgotten early.
    pub dedup_bytes_max: usize,
    /// The origins whose pages may connect, such as `https://chat.example.org`.
    ///
    /// Those served by the same host and port may connect in any case; `*` allows all. Empty by
    /// default, because any page that a user visits could otherwise speak in their name.
    pub allowed_origins: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            message_bytes_max: 256_000,
            name_bytes_max: 512,
            message_timeout: Duration::from_secs(30),
            unfinished_bytes_max: 64 * 1024 * 1024,
            outbox_bytes_max: 1024 * 1024,
            outboxes_bytes_max: 256 * 1024 * 1024,
            stall_timeout: Duration::from_secs(10),
            sender_pause_max: Duration::from_secs(2),
            ping_interval: Duration::from_secs(54),
            pong_timeout: Duration::from_secs(6),
            close_timeout: Duration::from_secs(5),
            connections_max: 100_000,
            channels_per_connection_max: 1_000,
            binds_bytes_max: 512 * 1024,
            dedup_ttl: Duration::from_secs(30),
            dedup_bytes_max: 64 * 1024 * 1024,
            allowed_origins: Vec::new(),
        }
    }
}

impl Config {
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let message = self.message_bytes_max;
        let numbers = [
            ("message_bytes_max", message, 64),
            ("name_bytes_max", self.name_bytes_max, 1),
            ("unfinished_bytes_max", self.unfinished_bytes_max, message.saturating_mul(4)),
            ("outbox_bytes_max", self.outbox_bytes_max, message.saturating_mul(2)),
            ("outboxes_bytes_max", self.outboxes_bytes_max, self.outbox_bytes_max.saturating_mul(4)),
            ("connections_max", self.connections_max, 1),
            ("channels_per_connection_max", self.channels_per_connection_max, 1),
            ("binds_bytes_max", self.binds_bytes_max, 4 * 1024),
            ("dedup_bytes_max", self.dedup_bytes_max, 64 * 1024),
        ];
        for (key, value, least) in numbers {
            if value < least {
                return Err(Error::new(
                    ErrorKind::Config,
                    format!("{key} is {value}; it must be at least {least}"),
                ));
            }
        }
        let times = [
            ("message_timeout", self.message_timeout),
            ("stall_timeout", self.stall_timeout),
            ("sender_pause_max", self.sender_pause_max),
            ("ping_interval", self.ping_interval),
            ("pong_timeout", self.pong_timeout),
            ("close_timeout", self.close_timeout),
            ("dedup_ttl", self.dedup_ttl),
        ];
        for (key, value) in times {
            if !(Duration::from_millis(100)..=Duration::from_hours(24)).contains(&value) {
                return Err(Error::new(
                    ErrorKind::Config,
                    format!("{key} is {value:?}; it must be from 100 ms to 24 h"),
                ));
            }
        }
        Ok(())
    }
}
