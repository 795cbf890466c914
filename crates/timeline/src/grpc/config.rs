//! The bounds of the gRPC service.

use crate::service::in_flight;

/// The bounds of the gRPC service.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The most bytes of a request; 1 MiB by default.
    pub request_bytes_max: usize,
    /// The most bytes of answers that wait for their readers.
    ///
    /// They are those of all connections together; 64 MiB by default, at least 2.5 MiB. It bounds
    /// the memory that clients can take which ask and do not read.
    pub answer_bytes_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { request_bytes_max: 1024 * 1024, answer_bytes_max: in_flight::BYTES_MAX }
    }
}
