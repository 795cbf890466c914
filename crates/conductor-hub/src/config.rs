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
    /// Longest message a client may send, in bytes: 256,000 by default, at least 64.
    pub message_bytes_max: usize,
    /// Most bytes that wait for one connection: 1 MiB by default, at least twice
    /// `message_bytes_max`. A connection that has more to read is a slow reader.
    pub outbox_bytes_max: usize,
    /// How long a connection may have bytes waiting without reading any: 10 s by
    /// default, at least 100 ms. Then it is a slow reader.
    pub stall_timeout: Duration,
    /// How long a connection may be silent before it is sent a ping: 54 s by
    /// default, at least 100 ms. The first interval of each is cut at random, so
    /// that pings spread over time.
    pub ping_interval: Duration,
    /// How long the client may take to answer a ping: 6 s by default, at least 100 ms.
    pub pong_timeout: Duration,
    /// How long the peer of a closing connection may take to close its side: 5 s by default.
    pub close_timeout: Duration,
    /// Most connections at once: 100,000 by default. More are refused with status 503.
    pub connections_max: usize,
    /// Most channels one connection may be bound to: 1,000 by default, at least 1.
    pub channels_per_connection_max: usize,
    /// How long the uuid of a message is remembered, so that a repetition of it is
    /// dropped: 30 s by default; twice that at most.
    pub dedup_ttl: Duration,
    /// Most uuids remembered within `dedup_ttl`: 1,000,000 by default, at least
    /// 1,000. Beyond it the oldest are forgotten early.
    pub dedup_uuids_max: usize,
    /// Origins, such as `https://chat.example.org`, whose pages may connect besides
    /// those served by the same host and port; `*` allows all. Empty by default,
    /// because any page that a user visits could otherwise speak in their name.
    pub allowed_origins: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            message_bytes_max: 256_000,
            outbox_bytes_max: 1024 * 1024,
            stall_timeout: Duration::from_secs(10),
            ping_interval: Duration::from_secs(54),
            pong_timeout: Duration::from_secs(6),
            close_timeout: Duration::from_secs(5),
            connections_max: 100_000,
            channels_per_connection_max: 1_000,
            dedup_ttl: Duration::from_secs(30),
            dedup_uuids_max: 1_000_000,
            allowed_origins: Vec::new(),
        }
    }
}

impl Config {
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let numbers = [
            ("message_bytes_max", self.message_bytes_max, 64),
            ("outbox_bytes_max", self.outbox_bytes_max, self.message_bytes_max.saturating_mul(2)),
            ("connections_max", self.connections_max, 1),
            ("channels_per_connection_max", self.channels_per_connection_max, 1),
            ("dedup_uuids_max", self.dedup_uuids_max, 1_000),
        ];
        for (key, value, least) in numbers {
            if value < least {
                return Err(Error::new(
                    ErrorKind::Config,
                    format!("{key} is {value}, must be at least {least}"),
                ));
            }
        }
        let times = [
            ("stall_timeout", self.stall_timeout),
            ("ping_interval", self.ping_interval),
            ("pong_timeout", self.pong_timeout),
            ("close_timeout", self.close_timeout),
            ("dedup_ttl", self.dedup_ttl),
        ];
        for (key, value) in times {
            if !(Duration::from_millis(100)..=Duration::from_hours(24)).contains(&value) {
                return Err(Error::new(
                    ErrorKind::Config,
                    format!("{key} is {value:?}, must be from 100 ms to 24 h"),
                ));
            }
        }
        Ok(())
    }
}
