//! Where a server listens, and how one is asked whether it does.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;

/// How long an answer to one question may take.
pub(crate) const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// How long a start may take on a busy machine; the slowest, MongoDB, takes about 2 s on an idle
/// one.
pub(crate) const START_LIMIT: Duration = Duration::from_secs(60);

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    pub(crate) fn local(port: u16) -> Self {
        Self { host: Ipv4Addr::LOCALHOST.to_string(), port }
    }

    /// Reads the first host of a URL, `scheme://user:password@host:port,…/path?query`.
    pub(crate) fn of_url(url: &str, default_port: u16) -> Option<Self> {
        let (_scheme, rest) = url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let hosts = authority.rsplit_once('@').map_or(authority, |(_user, hosts)| hosts);
        let first = hosts.split(',').next()?;
        let (host, port) = match first.rsplit_once(':') {
            // The colons of a bare IPv6 address are within its brackets.
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
            _ => (first, default_port),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        (!host.is_empty()).then(|| Self { host: host.to_owned(), port })
    }

    /// Connects, sends `question`, and returns what came back up to the end or the first `enough`
    /// bytes.
    pub(crate) async fn ask(&self, question: &[u8], enough: usize) -> Result<Vec<u8>> {
        let asked = async {
            let mut socket = TcpStream::connect((&*self.host, self.port)).await?;
            socket.write_all(question).await?;
            let mut answer = Vec::new();
            while answer.len() < enough && socket.read_buf(&mut answer).await? > 0 {}
            Ok(answer)
        };
        self.within(asked).await
    }

    /// Bounds a talk with the server, and says whose it was if it fails.
    pub(crate) async fn within<T>(&self, talk: impl Future<Output = io::Result<T>>) -> Result<T> {
        let Self { host, port } = self;
        match tokio::time::timeout(ANSWER_LIMIT, talk).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                Err(Error::because(ErrorKind::Unavailable, format!("{host}:{port} does not answer"), error))
            }
            Err(_elapsed) => {
                let message = format!("{host}:{port} did not answer within {ANSWER_LIMIT:?}");
                Err(Error::new(ErrorKind::Timeout, message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(host: &str, port: u16) -> Option<Address> {
        Some(Address { host: host.to_owned(), port })
    }

    #[test]
    fn the_first_host_of_a_url_is_asked() {
        assert_eq!(Address::of_url("redis://localhost", 6379), address("localhost", 6379));
        assert_eq!(Address::of_url("redis://:pa@ss@[::1]:7000/3", 6379), address("::1", 7000));
        assert_eq!(Address::of_url("redis://[::1]", 6379), address("::1", 6379));
        assert_eq!(Address::of_url("mongodb://u:p@a:1,b:2/?replicaSet=r", 27017), address("a", 1));
    }

    #[test]
    fn what_is_no_url_has_no_host() {
        for wrong in ["localhost:6379", "redis://", "redis://host:port", "redis://:6379"] {
            assert_eq!(Address::of_url(wrong, 6379), None, "{wrong}");
        }
    }
}
