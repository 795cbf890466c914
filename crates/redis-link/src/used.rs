//! Where a call is.

use std::sync::Arc;

use crate::node::{LiveConnection, Node};

/// The server that a call went to last, and the connection on which its answer is waited for.
pub(crate) struct Used {
    pub(crate) node: Arc<Node>,
    pub(crate) waiting: Option<LiveConnection>,
}

impl Used {
    pub(crate) fn of(node: &Arc<Node>, ready: &LiveConnection) -> Self {
        Self { node: Arc::clone(node), waiting: Some(ready.clone()) }
    }

    pub(crate) fn idle(node: &Arc<Node>) -> Self {
        Self { node: Arc::clone(node), waiting: None }
    }
}
