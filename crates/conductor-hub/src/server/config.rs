//! What can be tuned about a listener.

use std::net::SocketAddr;
use std::ops::{RangeFrom, RangeInclusive};
use std::time::Duration;

#[cfg(feature = "tls")]
use super::TlsFiles;
use crate::{Error, ErrorKind};

/// Where a [`Server`](super::Server) listens, and what bounds those who connect.
///
/// It begins with `Config::default()` and is changed by its setters;
/// [`Server::start`](super::Server::start) checks the whole once. Connections of the hub itself are
/// bounded by its own [`Config`](crate::Config).
#[derive(Clone, Debug)]
pub struct Config {
    pub(super) address: SocketAddr,
    pub(super) path: String,
    pub(super) head_timeout: Duration,
    pub(super) connections_max: usize,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<TlsFiles>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 8080)),
            path: "/".to_owned(),
            head_timeout: Duration::from_secs(10),
            connections_max: 1_024,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

impl Config {
    /// Between what [`head_timeout`](Self::head_timeout) is.
    pub const HEAD_TIMEOUT_BOUNDS: RangeInclusive<Duration> =
        Duration::from_millis(100)..=Duration::from_secs(10 * 60);

    /// Between what [`connections_max`](Self::connections_max) is.
    pub const CONNECTIONS_MAX_BOUNDS: RangeFrom<usize> = 1..;

    /// Sets the address to listen on.
    ///
    /// 127.0.0.1:8080 by default, which only this machine reaches. Port 0 takes a free one.
    #[must_use]
    pub fn address(self, address: impl Into<SocketAddr>) -> Self {
        Self { address: address.into(), ..self }
    }

    /// Sets the path of the hub.
    ///
    /// `/` by default, as in the original. A path that ends with a slash stands for everything
    /// below it, so the default takes any path; it begins with a slash in any case. Another suits
    /// servers with a service beside the hub.
    #[must_use]
    pub fn path(self, path: impl Into<String>) -> Self {
        Self { path: path.into(), ..self }
    }

    /// Sets how long a client may take for the head of a request.
    ///
    /// Before that it may take as long for its TLS handshake. 10 s by default, 100 ms to 10 min.
    /// Longer suits slow networks.
    #[must_use]
    pub fn head_timeout(self, time: Duration) -> Self {
        Self { head_timeout: time, ..self }
    }

    /// Sets the most connections at once that are not the hub's yet.
    ///
    /// 1,024 by default, at least 1. One more takes the place of the oldest on which no request is
    /// being answered, so that who is silent keeps nobody out; if there is none it is closed, and
    /// counted by `hub_listener_refused_total`. More suits servers to which many come at once.
    #[must_use]
    pub fn connections_max(self, connections: usize) -> Self {
        Self { connections_max: connections, ..self }
    }

    /// Sets the certificate and the key for TLS.
    ///
    /// None by default: then clients connect in clear text, as suits servers behind a proxy.
    #[cfg(feature = "tls")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls")))]
    #[must_use]
    pub fn tls(self, files: TlsFiles) -> Self {
        Self { tls: Some(files), ..self }
    }

    pub(super) fn validate(&self) -> Result<(), Error> {
        let wrong = |text: String| Err(Error::new(ErrorKind::Config, text));
        if !self.path.starts_with('/') {
            return wrong(format!("path is {:?}; it must begin with /", self.path));
        }
        if !Self::HEAD_TIMEOUT_BOUNDS.contains(&self.head_timeout) {
            let (least, most) = Self::HEAD_TIMEOUT_BOUNDS.into_inner();
            let time = self.head_timeout;
            return wrong(format!("head_timeout is {time:?}; it must be from {least:?} to {most:?}"));
        }
        if !Self::CONNECTIONS_MAX_BOUNDS.contains(&self.connections_max) {
            return wrong(format!("connections_max is {}; it must be at least 1", self.connections_max));
        }
        Ok(())
    }
}
