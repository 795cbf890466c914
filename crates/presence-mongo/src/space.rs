//! The space of one namespace: what this process has of it.

use crate::change_buffer::ChangeBuffer;
use crate::local_beings::LocalBeings;
use crate::metrics::Share;
use crate::namespace::Namespace;
use crate::slots::Period;
use crate::watch_table::WatchTable;

/// Pingers and watchers of one namespace, as their handles and tasks share them.
#[derive(Debug)]
pub(crate) struct Space {
    pub(crate) namespace: Namespace,
    pub(crate) beings: LocalBeings,
    pub(crate) table: WatchTable,
    pub(crate) changes: ChangeBuffer,
    pub(crate) pingers: Share,
    pub(crate) alive_keys: Share,
    pub(crate) watched_keys: Share,
}

impl Space {
    pub(crate) fn new(namespace: Namespace, period: Period) -> Self {
        Self {
            namespace,
            beings: LocalBeings::new(period),
            table: WatchTable::default(),
            changes: ChangeBuffer::default(),
            pingers: Share::of_pingers(),
            alive_keys: Share::of_alive_keys(),
            watched_keys: Share::of_watched_keys(),
        }
    }

    /// Takes no pinger and no watcher any more; what pingers were promised is still done.
    pub(crate) fn close(&self) {
        self.beings.close();
        self.table.shut_down();
    }
}
