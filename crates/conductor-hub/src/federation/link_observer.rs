//! What the links of a federation ask and tell the manager.

use std::sync::Arc;

use super::sister::{Sister, SisterEnd, SisterMeta};

/// The part of a [`SisterManager`](super::SisterManager) that links need; it dials nobody.
pub(crate) trait LinkObserver: Send + Sync {
    /// Tells whether what is written to a channel goes to sisters.
    fn write(&self, channel: &str) -> bool;

    /// There is a link to a sister now.
    fn connected(&self, sister: &Arc<Sister>);

    /// The link to a sister has ended.
    fn disconnected(&self, sister: &Arc<Sister>, reason: SisterEnd);

    /// Answers a sister who asks how many sisters this node has.
    fn meta_query(&self, sister: &Arc<Sister>, meta: SisterMeta) -> SisterMeta;

    /// A sister has said how many sisters she has.
    fn meta_response(&self, sister: &Arc<Sister>, meta: SisterMeta);
}
