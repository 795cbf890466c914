//! The bounds of the HTTP service.

use std::ops::{RangeFrom, RangeInclusive};

use crate::service::{self, in_flight};
use crate::{Error, ErrorKind, Result};

/// The bounds of the HTTP service.
///
/// They begin with `Config::default()` and are changed by setters; [`router`](super::router) checks
/// the whole once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub(super) body_bytes_max: usize,
    pub(super) answer_bytes_max: usize,
    pub(super) watches_max: usize,
    pub(super) cors: bool,
    pub(super) allowed_origins: Vec<String>,
    pub(super) loopback_origins: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            body_bytes_max: Self::BODY_BYTES_MAX_DEFAULT,
            answer_bytes_max: Self::ANSWER_BYTES_MAX_DEFAULT,
            watches_max: Self::WATCHES_MAX_DEFAULT,
            cors: true,
            allowed_origins: Vec::new(),
            loopback_origins: true,
        }
    }
}

impl Config {
    /// What [`body_bytes_max`](Self::body_bytes_max) is unless it is set.
    pub const BODY_BYTES_MAX_DEFAULT: usize = service::REQUEST_BYTES_MAX_DEFAULT;

    /// Between what [`body_bytes_max`](Self::body_bytes_max) is.
    pub const BODY_BYTES_MAX_BOUNDS: RangeFrom<usize> = service::REQUEST_BYTES_MAX_BOUNDS;

    /// What [`answer_bytes_max`](Self::answer_bytes_max) is unless it is set.
    pub const ANSWER_BYTES_MAX_DEFAULT: usize = in_flight::BYTES_MAX_DEFAULT;

    /// Between what [`answer_bytes_max`](Self::answer_bytes_max) is.
    pub const ANSWER_BYTES_MAX_BOUNDS: RangeFrom<usize> = in_flight::BYTES_MAX_BOUNDS;

    /// What [`watches_max`](Self::watches_max) is unless it is set.
    pub const WATCHES_MAX_DEFAULT: usize = service::WATCHES_MAX_DEFAULT;

    /// Between what [`watches_max`](Self::watches_max) is.
    pub const WATCHES_MAX_BOUNDS: RangeInclusive<usize> = service::WATCHES_MAX_BOUNDS;

    /// Sets the most bytes of a request's body.
    ///
    /// 1 MiB by default, at least 1 KiB. A larger one is refused with 413. It should have room for
    /// the largest group send, with the names of its members.
    #[must_use]
    pub fn body_bytes_max(self, bytes: usize) -> Self {
        Self { body_bytes_max: bytes, ..self }
    }

    /// Sets the most bytes of answers that wait for their readers.
    ///
    /// 64 MiB by default, at least 2.5 MiB. They are those of all connections together. It bounds
    /// the memory that clients can take which ask and do not read; more suits many slow clients.
    #[must_use]
    pub fn answer_bytes_max(self, bytes: usize) -> Self {
        Self { answer_bytes_max: bytes, ..self }
    }

    /// Sets how many inboxes are watched at once at most, each as often as it is.
    ///
    /// 1,000 by default, from 1 to 1,000,000. One more is refused with 503. The inbox of one member
    /// is watched 16 times at most, and once more is refused with 429. Raise it for as many clients
    /// as should be told of each message at once.
    #[must_use]
    pub fn watches_max(self, watches: usize) -> Self {
        Self { watches_max: watches, ..self }
    }

    /// Sets whether this router answers preflights and marks replies at all.
    ///
    /// True by default. A program that has a layer of its own for all its routes turns it off;
    /// [`allowed_origins`](Self::allowed_origins) and [`loopback_origins`](Self::loopback_origins)
    /// mean nothing then.
    #[must_use]
    pub fn cors(self, cors: bool) -> Self {
        Self { cors, ..self }
    }

    /// Sets the origins whose pages may read replies.
    ///
    /// None by default. One is written as `https://chat.example.org`, with its port if that is not
    /// the usual one and without a path. Credentials are never allowed across origins.
    #[must_use]
    pub fn allowed_origins(self, origins: impl IntoIterator<Item: Into<String>>) -> Self {
        Self { allowed_origins: origins.into_iter().map(Into::into).collect(), ..self }
    }

    /// Sets whether pages of a server on the same machine may read replies, too.
    ///
    /// True by default. They are those of `http://localhost`, `http://127.0.0.1` and
    /// `http://[::1]`, with any port. Turn it off where users run programs that they do not trust.
    #[must_use]
    pub fn loopback_origins(self, loopback: bool) -> Self {
        Self { loopback_origins: loopback, ..self }
    }

    pub(super) fn validate(&self) -> Result<()> {
        let wrong = |text: String| Err(Error::new(ErrorKind::Config, text));
        let least = Self::BODY_BYTES_MAX_BOUNDS.start;
        if self.body_bytes_max < least {
            return wrong(format!("body_bytes_max is {}; it must be at least {least}", self.body_bytes_max));
        }
        for origin in &self.allowed_origins {
            let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            let allowed = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | '*' | '?' | '#' | '@');
            if !host.is_some_and(|host| !host.is_empty() && host.chars().all(allowed)) {
                return wrong(format!(
                    "allowed_origins has {origin:?}; write an origin as http(s)://host or http(s)://host:port"
                ));
            }
        }
        Ok(())
    }
}
