//! Where a call is.

use std::sync::Arc;

use crate::node::{Node, Ready};

/// The server that a call went to last, and the connection on which its answer is waited for.
pub(crate) struct Used {
    pub(crate) node: Arc<Node>,
    pub(crate) waiting: Option<Ready>,
}

impl Used {
    pub(crate) fn of(node: &Arc<Node>, ready: &Ready) -> Self {
        Self { node: Arc::clone(node), waiting: Some(ready.clone()) }
    }

    pub(crate) fn idle(node: &Arc<Node>) -> Self {
        Self { node: Arc::clone(node), waiting: None }
    }
}
