//! Whether all of the keyspaces is there.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use lsm_tree::{AbstractTree as _, SeqNo, SequenceNumberCounter};

use super::{Inspector, SAID, StoredIdentity};
use crate::Result;
use crate::embedded::inspect::files::{Files, VERSION};
use crate::embedded::inspect::numbers::Numbers;
use crate::embedded::inspect::tree;
use crate::embedded::marker::MarkerRecord;
use crate::embedded::{engine_error, keys, records};

/// What the tables of a keyspace have.
struct Persisted {
    /// The number of the last batch.
    number: u64,
    /// The engine's number of it.
    engine: Option<u64>,
    said: Vec<(&'static [u8], lsm_tree::Slice)>,
}

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
        let mut behind: Option<(u64, String)> = None;
        // The engine numbers the keyspaces from 1; 0 is its own.
        for id in keyspaces.iter().filter(|id| **id != 0) {
            let persisted = self.persisted(*id)?;
            persisted.said.iter().for_each(|(key, record)| said.note(key, record));
            last = last.max(persisted.number);
            if let Some(problem) = numbers.missing(persisted.number, persisted.engine) {
                behind.get_or_insert((*id, problem));
            }
        }
        let noted = note.map_or(0, |note| note.batch);
        if last < noted {
            return Err(self.refuse(&format!(
                "its marker says that it holds the batches up to {noted}, but it ends with {last}"
            )));
        }
        match behind {
            Some((id, problem)) => {
                Err(self.refuse(&format!("its keyspace store/keyspaces/{id} is incomplete: {problem}")))
            }
            None => Ok(last),
        }
    }

    /// Returns what the tables of a keyspace have.
    fn persisted(&self, id: u64) -> Result<Persisted> {
        let folder = self.keyspace(id);
        let read = || {
            let counter = SequenceNumberCounter::default;
            let tree = lsm_tree::Config::new(&folder, counter(), counter()).open()?;
            let mut said = Vec::new();
            for key in SAID {
                said.extend(tree.get(key, SeqNo::MAX)?.map(|record| (key, record)));
            }
            Ok::<_, lsm_tree::Error>((
                tree.get(keys::BATCH, SeqNo::MAX)?,
                tree.get_highest_persisted_seqno(),
                said,
            ))
        };
        // The engine panics when it finds what it takes for impossible.
        let problem = match catch_unwind(AssertUnwindSafe(read)) {
            Ok(Ok((record, engine, said))) => {
                match record.map_or(Ok(0), |record| records::decode_number(&record)) {
                    Ok(number) => return Ok(Persisted { number, engine, said }),
                    Err(error) => error.to_string(),
                }
            }
            Ok(Err(lsm_tree::Error::Io(error))) => return Err(self.unreadable(error)),
            Ok(Err(error)) => engine_error::tree_in_words(&error),
            Err(_) => "the engine cannot read its tables".to_owned(),
        };
        // The engine does not say which file it is.
        if let Some(table) = tree::verify(&folder).map_err(|error| self.unreadable(error))? {
            return Err(self.refuse(&table));
        }
        Err(self.refuse(&format!("its keyspace {} is damaged: {problem}", folder.display())))
    }

    fn keyspace(&self, id: u64) -> PathBuf {
        self.store.join("keyspaces").join(id.to_string())
    }
}

/// The folders of a store of layout 1: the engine's own, entries, state, sends.
const LAYOUT_1: [u64; 4] = [0, 1, 2, 3];
