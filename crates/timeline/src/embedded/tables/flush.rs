//! What the engine has in memory goes into tables at the end of a store.
//!
//! It is in the journals as well, so nothing depends on it but the time that the next opening
//! takes: the engine reads journals record by record, 128 MiB of short ones in some seconds.

use std::thread;
use std::time::{Duration, Instant};

use fjall::PersistMode;

use super::Tables;

/// So many bytes in memory are read from the journals again in a fraction of a second.
const LITTLE: u64 = 8 * 1024 * 1024;

/// How long it may take. What a slow disk has not taken by then stays in the journals.
const FLUSH_MAX: Duration = Duration::from_secs(5);

/// How often is looked whether a table is written: no event tells.
const LOOK: Duration = Duration::from_millis(10);

impl Tables {
    /// Writes what the engine has in memory into tables, if it is much. Blocks, for a bounded time.
    pub(in crate::embedded) fn flush(&self) {
        if self.database.write_buffer_size() <= LITTLE {
            return;
        }
        let start = Instant::now();
        // One after the other: when the time is over no other is begun.
        for keyspace in [&self.entries, &self.bodies, &self.sends, &self.state] {
            if let Err(error) = keyspace.rotate_memtable() {
                tracing::debug!(%error, "what the engine has in memory stays in the journals");
                return;
            }
            while keyspace.sealed_memtable_count() > 0 {
                // `Buffer` writes nothing to the disk. It fails if the engine has failed: then no
                // table is written any more.
                if start.elapsed() > FLUSH_MAX || self.database.persist(PersistMode::Buffer).is_err() {
                    tracing::debug!("the rest of what the engine has in memory stays in the journals");
                    return;
                }
                thread::sleep(LOOK);
            }
        }
    }
}
