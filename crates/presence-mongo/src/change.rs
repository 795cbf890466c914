//! What a watcher tells.

use std::sync::Arc;

/// The state of a key, told when it is another one than was told before, and at the beginning.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Change {
    /// The key.
    pub key: Arc<str>,
    /// Whether it is alive.
    pub alive: bool,
}
