//! A watcher, as its handles and streams share it.

use std::sync::Arc;

use crate::base::Base;
use crate::board::{Board, End};
use crate::error::Error;

/// One watcher; it ends with the last that shares it.
#[derive(Debug)]
pub(crate) struct Watching {
    pub(crate) base: Base,
    /// Its number on the board.
    pub(crate) id: u64,
    pub(crate) end: Arc<End>,
}

impl Watching {
    pub(crate) fn open(base: &Base) -> Result<Self, Error> {
        let (id, end) = base.scope().board.open()?;
        base.shared().listen.notify_one();
        Ok(Self { base: base.clone(), id, end })
    }

    pub(crate) fn board(&self) -> &Board {
        &self.base.scope().board
    }

    /// Ends it and its streams.
    pub(crate) fn close(&self) {
        if self.board().close(self.id) {
            // The last: nobody listens for this namespace any more.
            self.base.shared().listen.notify_one();
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.close();
    }
}
