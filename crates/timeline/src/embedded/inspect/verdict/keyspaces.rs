//! Whether all of the keyspaces is there.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use super::{Inspector, SAID, StoredIdentity};
use crate::embedded::inspect::files::{Files, VERSION};
use crate::embedded::inspect::numbers::Numbers;
use crate::embedded::inspect::persisted::Persisted;
use crate::embedded::inspect::tree;
use crate::embedded::marker::MarkerRecord;
use crate::embedded::{engine_error, keys, records};
use crate::{Error, Result};

impl Inspector<'_> {
    /// Checks that all files are there that must be, and that their headers are whole; returns the
    /// keyspaces.
    pub(super) fn parts(
        &self,
        files: &Files,
        note: Option<&MarkerRecord>,
        numbers: &Numbers,
    ) -> Result<Vec<u64>> {
        if files.version.is_empty() {
            return Err(self.refuse("its file store/version is missing or empty"));
        }
        if files.version != VERSION {
            return Err(self.refuse("its file store/version is damaged, or of another engine"));
        }
        // A store of layout 1 that was made a moment ago, and holds nothing, may lack any part.
        let young = note.is_none()
            && numbers.batches() == 0
            && files.journals.iter().all(|(id, _)| *id == 0)
            && files.keyspaces.len() < LAYOUT_1.len();
        if young {
            return Ok(Vec::new());
        }
        let Some((first, last)) = files.journals.first().zip(files.journals.last()) else {
            return Err(self.refuse("its journals (store/*.jnl) are missing"));
        };
        if let Some((id, _)) = (first.0..=last.0).zip(&files.journals).find(|(id, (found, _))| id != found) {
            return Err(self.refuse(&format!("its journal store/{id}.jnl is missing")));
        }
        let keyspaces = note.map_or(&LAYOUT_1[..], |note| &note.keyspaces);
        for id in keyspaces {
            if !files.keyspaces.contains(id) {
                return Err(self.refuse(&format!("its folder store/keyspaces/{id} is missing")));
            }
            let folder = self.keyspace(*id);
            match tree::look(&folder) {
                Ok(None) => {}
                Ok(Some(problem)) => return Err(self.refuse(&problem)),
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    return Err(self.refuse(&format!("{} is damaged: {error}", folder.display())));
                }
                Err(error) => return Err(self.unreadable(error)),
            }
        }
        Ok(keyspaces.to_vec())
    }

    /// Returns the last batch, and checks that it and all before it are there.
    pub(super) fn last_batch(
        &self,
        note: Option<&MarkerRecord>,
        keyspaces: &[u64],
        numbers: &Numbers,
        said: &mut StoredIdentity,
    ) -> Result<u64> {
        let mut last = numbers.last();
        let mut reached = Vec::new();
        // The engine numbers the keyspaces from 1; 0 is its own.
        for id in keyspaces.iter().filter(|id| **id != 0) {
            let persisted = self.persisted(*id, &[keys::BATCH, SAID[0], SAID[1]])?;
            let mut found = persisted.records.into_iter();
            let number = found.next().flatten().map_or(Ok(0), |record| records::decode_number(&record));
            let number = number.map_err(|error| self.damaged(&self.keyspace(*id), &error.to_string()))?;
            for (key, record) in SAID.iter().zip(found) {
                if let Some(record) = record {
                    said.note(key, &record);
                }
            }
            last = last.max(number);
            reached.push((*id, number, persisted.engine));
        }
        let noted = note.map_or(0, |note| note.batch);
        if last < noted {
            return Err(self.refuse(&format!(
                "its marker says that it holds the batches up to {noted}, but it ends with {last}"
            )));
        }
        for (id, number, engine) in reached {
            if let Some(problem) = numbers.missing(number, engine, last) {
                let text = format!("its keyspace store/keyspaces/{id} is incomplete: {problem}");
                return Err(self.refuse(&text));
            }
        }
        Ok(last)
    }

    /// Returns what the tables of a keyspace have under some keys.
    fn persisted(&self, id: u64, keys: &[&[u8]]) -> Result<Persisted> {
        let folder = self.keyspace(id);
        // The engine panics when it finds what it takes for impossible.
        match catch_unwind(AssertUnwindSafe(|| Persisted::read(&folder, keys))) {
            Ok(Ok(persisted)) => Ok(persisted),
            Ok(Err(lsm_tree::Error::Io(error))) if !is_damage(&error) => Err(self.unreadable(error)),
            Ok(Err(error)) => Err(self.damaged(&folder, &engine_error::tree_in_words(&error))),
            Err(_) => Err(self.damaged(&folder, "the engine cannot read its tables")),
        }
    }

    /// Returns the error of a keyspace that cannot be read. The engine does not say which file it
    /// is.
    fn damaged(&self, folder: &Path, problem: &str) -> Error {
        match tree::verify(folder) {
            Ok(Some(table)) => self.refuse(&table),
            Ok(None) => self.refuse(&format!("its keyspace {} is damaged: {problem}", folder.display())),
            Err(error) => self.unreadable(error),
        }
    }

    fn keyspace(&self, id: u64) -> PathBuf {
        self.store.join("keyspaces").join(id.to_string())
    }
}

/// Whether a file could be read and is not what it should be.
fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

/// The folders of a store of layout 1: the engine's own, entries, state, sends.
const LAYOUT_1: [u64; 4] = [0, 1, 2, 3];
