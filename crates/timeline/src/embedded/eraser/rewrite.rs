//! How the files of the engine are replaced by such as have no erased text.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use fjall::Keyspace;

use crate::embedded::disk;
use crate::embedded::inspect::files::Files;
use crate::embedded::tables::{Keyspaces, Tables, read_error};
use crate::embedded::upkeep::Upkeep;
use crate::{Error, ErrorKind, Result};

/// One run over all files.
pub(super) struct Rewrite<'a> {
    pub(super) keyspaces: Keyspaces,
    /// The folder of the engine.
    pub(super) store: &'a Path,
    /// Has a batch written, durably.
    pub(super) ask: &'a mut dyn FnMut(Upkeep) -> Result<()>,
    /// Returns what keeps the store from being closed; fails when the work is to end early.
    pub(super) hold: &'a dyn Fn() -> Result<Option<Arc<Tables>>>,
}

/// More than it takes to fill a journal, which has 64 MB.
const FILLS_MAX: usize = 48;

/// How long the engine may take for a step that it does by itself.
const STEP: Duration = Duration::from_secs(60);

/// How often such a step is looked at: no event tells of its end.
const LOOK: Duration = Duration::from_millis(10);

impl Rewrite<'_> {
    /// Does all of it. What was erased before it begins is in no file afterwards.
    pub(super) fn run(mut self) -> Result<()> {
        // Nothing is written if the merge could not follow.
        check_room(self.store, &self.keyspaces.entries)?;
        check_room(self.store, &self.keyspaces.bodies)?;
        // The order matters. The texts come from the journals into tables, which are merged then.
        let last = self.journals()?.1;
        self.end_journal(last)?;
        let Keyspaces { entries, state, sends, bodies, .. } = &self.keyspaces;
        self.flush(&[entries, state, sends, bodies])?;
        self.wait("remove its journals", || Ok(self.journals()?.0 > last))?;
        for keyspace in [entries, bodies] {
            self.merge(keyspace)?;
        }
        (self.ask)(Upkeep::Finish)?;
        // The tables from before are kept for readers until something was written after them: that
        // is the batch above, and the engine looks when it writes from memory into a table.
        self.flush(&[&self.keyspaces.state])
    }

    /// Fills the journal until there is a later one than `last`.
    fn end_journal(&mut self, last: u64) -> Result<()> {
        for _ in 0..FILLS_MAX {
            (self.ask)(Upkeep::Fill)?;
            // The engine looks at the length when it writes from memory into a table.
            self.flush(&[&self.keyspaces.bodies])?;
            if self.journals()?.1 > last {
                return Ok(());
            }
        }
        Err(Error::new(ErrorKind::Unavailable, "the engine begins no other journal"))
    }

    /// Writes what keyspaces have in memory into tables.
    fn flush(&self, keyspaces: &[&Keyspace]) -> Result<()> {
        // What is handed to the threads of an engine that has ended is never done, and keeps its
        // files locked for ever. So the store is held until there is nothing left of it.
        let held = (self.hold)()?;
        for keyspace in keyspaces {
            keyspace.rotate_memtable().map_err(read_error)?;
        }
        // An engine that has failed writes none, and says so when the next batch is written.
        let flushed = self.wait("write its tables", || {
            Ok(keyspaces.iter().all(|keyspace| keyspace.sealed_memtable_count() == 0))
        });
        drop(held);
        flushed
    }

    /// Merges all tables of a keyspace, which drops what was overwritten or removed.
    ///
    /// That may take minutes, so the store is not held: if it is to be opened again meanwhile, that
    /// waits for the files and not for a reader.
    fn merge(&self, keyspace: &Keyspace) -> Result<()> {
        drop((self.hold)()?);
        check_room(self.store, keyspace)?;
        keyspace.major_compact().map_err(read_error)
    }

    /// Returns the numbers of the first and the last journal.
    fn journals(&self) -> Result<(u64, u64)> {
        let unreadable = |error: io::Error| {
            let text = format!("{} cannot be read", self.store.display());
            Error::with_source(ErrorKind::Unavailable, text, error)
        };
        let journals = Files::list(self.store).map_err(unreadable)?.journals;
        match (journals.first(), journals.last()) {
            (Some((first, _)), Some((last, _))) => Ok((*first, *last)),
            _ => {
                let text = format!("{} has no journal any more", self.store.display());
                Err(Error::new(ErrorKind::Unavailable, text))
            }
        }
    }

    fn wait(&self, step: &str, is_done: impl Fn() -> Result<bool>) -> Result<()> {
        let start = Instant::now();
        while !is_done()? {
            drop((self.hold)()?);
            if start.elapsed() > STEP {
                let text = format!("the engine did not {step} within {} s", STEP.as_secs());
                return Err(Error::new(ErrorKind::Unavailable, text));
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }
}

/// Fails if the disk has less room than the tables of a keyspace take.
pub(super) fn check_room(store: &Path, keyspace: &Keyspace) -> Result<()> {
    let unreadable = |error: io::Error| {
        Error::with_source(ErrorKind::Unavailable, "the free space of the disk cannot be read", error)
    };
    let (needed, free) = (keyspace.disk_space(), disk::room(store).map_err(unreadable)?.free);
    if free < needed {
        let text = format!("to merge the tables takes {needed} bytes, and the disk has {free} free");
        return Err(Error::new(ErrorKind::Unavailable, text));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
