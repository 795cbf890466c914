//! The name of one start of one node.

use std::fmt;
use std::sync::Arc;

/// Names one start of one node, among all that use the store.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct NodeId(Arc<str>);

impl NodeId {
    /// Makes one that no other start has.
    pub(super) fn fresh() -> Self {
        Self(format!("{:016x}", fastrand::u64(..)).into())
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
