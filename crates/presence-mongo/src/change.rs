//! What a watcher tells.

use std::sync::Arc;

/// The state of a key, told at first and when it is another one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Change {
    /// The key.
    pub key: Arc<str>,
    /// Whether it is alive.
    pub alive: bool,
}
