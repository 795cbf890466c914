//! The bounds of the gRPC service.

use crate::service::in_flight;
use crate::{Error, ErrorKind, Result};

/// The bounds of the gRPC service.
///
/// They begin with `Config::default()` and are changed by setters; [`server`](super::server())
/// checks the whole once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub(super) request_bytes_max: usize,
    pub(super) answer_bytes_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { request_bytes_max: 1024 * 1024, answer_bytes_max: in_flight::BYTES_MAX }
    }
}

impl Config {
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

    pub(super) fn validate(self) -> Result<Self> {
        if self.request_bytes_max < 1024 {
            let text = format!("request_bytes_max is {}; it must be at least 1024", self.request_bytes_max);
            return Err(Error::new(ErrorKind::Config, text));
        }
        Ok(self)
    }
}
