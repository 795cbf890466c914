//! The bounds of the HTTP service.

use crate::service::in_flight;
use crate::{Error, ErrorKind, Result};

/// The bounds of the HTTP service.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The most bytes of a request's body; 1 MiB by default, at least 1 KiB.
    pub body_bytes_max: usize,
    /// The most bytes of answers that wait for their readers.
    ///
    /// They are those of all connections together; 64 MiB by default, at least 2.5 MiB. It bounds
    /// the memory that clients can take which ask and do not read.
    pub answer_bytes_max: usize,
    /// Whether this router answers preflights and marks replies at all.
    ///
    /// True by default. A program that has a layer of its own for all its routes turns it off, and
    /// the two fields below mean nothing then.
    pub cors: bool,
    /// The origins whose pages may read replies.
    ///
    /// One is written as `https://chat.example.org`; there is none by default. Credentials are
    /// never allowed across origins.
    pub allowed_origins: Vec<String>,
    /// Whether pages of a server on the same machine may read replies, too.
    ///
    /// They are those of `http://localhost`, `http://127.0.0.1` and `http://[::1]`, with any port.
    /// True by default.
    pub loopback_origins: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            body_bytes_max: 1024 * 1024,
            answer_bytes_max: in_flight::BYTES_MAX,
            cors: true,
            allowed_origins: Vec::new(),
            loopback_origins: true,
        }
    }
}

impl Config {
    pub(super) fn validate(&self) -> Result<()> {
        let wrong = |text: String| Err(Error::new(ErrorKind::Config, text));
        if self.body_bytes_max < 1024 {
            return wrong(format!("body_bytes_max is {}; it must be at least 1024", self.body_bytes_max));
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
