//! The server at the other end, as errors name it.

use std::fmt;
use std::sync::Arc;

/// A server as the subject of a sentence, such as "redis at 10.0.0.7:6379".
///
/// It never has a user or a password.
#[derive(Debug, Clone)]
pub(crate) struct Server(Arc<str>);

impl Server {
    /// The one at an address, which has neither user nor password.
    pub(crate) fn at(address: &str) -> Self {
        Self(format!("redis at {address}").into())
    }

    /// The cluster that is found through a node at an address.
    pub(crate) fn cluster_of(address: &str) -> Self {
        Self(format!("the redis cluster of {address}").into())
    }

    /// The one whose address a function knows alone.
    pub(crate) fn unnamed() -> Self {
        Self("the redis that a function connects to".into())
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
