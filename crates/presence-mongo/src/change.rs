//! What a stream delivers.

use std::sync::Arc;

/// The state of a key: the first that a stream delivers, or one that is new.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Change {
    /// The key.
    pub key: Arc<str>,
    /// Whether it is alive.
    pub alive: bool,
}
