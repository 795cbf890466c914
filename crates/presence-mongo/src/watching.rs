//! A watcher, as its handles and streams share it.

use std::sync::Arc;

use crate::base::Base;
use crate::error::Error;
use crate::watch_table::{End, WatchTable};

/// One watcher; it ends with the last that shares it.
#[derive(Debug)]
pub(crate) struct Watching {
    pub(crate) base: Base,
    /// Its number in the table.
    pub(crate) id: u64,
    pub(crate) end: Arc<End>,
}

impl Watching {
    pub(crate) fn open(base: &Base) -> Result<Self, Error> {
        let (id, end) = base.space().table.open()?;
        base.shared().listen.notify_one();
        Ok(Self { base: base.clone(), id, end })
    }

    pub(crate) fn table(&self) -> &WatchTable {
        &self.base.space().table
    }

    /// Ends it and its streams.
    pub(crate) fn close(&self) {
        if self.table().close(self.id) {
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
