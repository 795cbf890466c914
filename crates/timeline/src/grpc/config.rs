//! The bounds of the gRPC service.

use std::ops::{RangeFrom, RangeInclusive};

use crate::service::{self, in_flight};
use crate::{Error, ErrorKind, Result};

/// The bounds of the gRPC service.
///
/// They begin with `Config::default()` and are changed by setters; [`server`](super::server())
/// checks the whole once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub(super) request_bytes_max: usize,
    pub(super) answer_bytes_max: usize,
    pub(super) watches_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            request_bytes_max: Self::REQUEST_BYTES_MAX_DEFAULT,
            answer_bytes_max: Self::ANSWER_BYTES_MAX_DEFAULT,
            watches_max: Self::WATCHES_MAX_DEFAULT,
        }
    }
}

impl Config {
    /// What [`request_bytes_max`](Self::request_bytes_max) is unless it is set.
    pub const REQUEST_BYTES_MAX_DEFAULT: usize = service::REQUEST_BYTES_MAX_DEFAULT;

    /// Between what [`request_bytes_max`](Self::request_bytes_max) is.
    pub const REQUEST_BYTES_MAX_BOUNDS: RangeFrom<usize> = service::REQUEST_BYTES_MAX_BOUNDS;

    /// What [`answer_bytes_max`](Self::answer_bytes_max) is unless it is set.
    pub const ANSWER_BYTES_MAX_DEFAULT: usize = in_flight::BYTES_MAX_DEFAULT;

    /// Between what [`answer_bytes_max`](Self::answer_bytes_max) is.
    pub const ANSWER_BYTES_MAX_BOUNDS: RangeFrom<usize> = in_flight::BYTES_MAX_BOUNDS;

    /// What [`watches_max`](Self::watches_max) is unless it is set.
    pub const WATCHES_MAX_DEFAULT: usize = service::WATCHES_MAX_DEFAULT;

    /// Between what [`watches_max`](Self::watches_max) is.
    pub const WATCHES_MAX_BOUNDS: RangeInclusive<usize> = service::WATCHES_MAX_BOUNDS;

    /// Sets the most bytes of a request.
    ///
    /// 1 MiB by default, at least 1 KiB. A larger one is refused with `OUT_OF_RANGE`. It should
    /// have room for the largest group send, with the names of its members.
    #[must_use]
    pub fn request_bytes_max(self, bytes: usize) -> Self {
        Self { request_bytes_max: bytes, ..self }
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
    /// 1,000 by default, from 1 to 1,000,000. One more is refused with `RESOURCE_EXHAUSTED`, and so
    /// is the inbox of one member once it is watched 16 times. Raise it for as many clients as
    /// should be told of each message at once.
    #[must_use]
    pub fn watches_max(self, watches: usize) -> Self {
        Self { watches_max: watches, ..self }
    }

    pub(super) fn validate(self) -> Result<Self> {
        let (value, least) = (self.request_bytes_max, Self::REQUEST_BYTES_MAX_BOUNDS.start);
        if value < least {
            let text = format!("request_bytes_max is {value}; it must be at least {least}");
            return Err(Error::new(ErrorKind::Config, text));
        }
        Ok(self)
    }
}
