//! Whether all of the keyspaces is there.

use std::collections::BTreeSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use lsm_tree::Slice;

use super::{Inspector, Journals, SAID, StoredIdentity};
use crate::embedded::inspect::files::{self, Files, VERSION};
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
        journals: &Journals,
    ) -> Result<Vec<u64>> {
        if files.version.is_empty() {
            return Err(self.refuse("its file store/version is missing or empty"));
        }
        if files.version != VERSION {
            return Err(self.refuse("its file store/version is damaged, or of another engine"));
        }
        // A store of layout 1 that was made a moment ago, and holds nothing, may lack any part but
        // its journal, which the engine makes first.
        let is_empty = note.is_none()
            && journals.is_untouched(files)
            && !files.journals.is_empty()
            && !self.has_tables(files)?;
        if is_empty && files.keyspaces.len() < LAYOUT_1.len() {
            return Ok(Vec::new());
        }
        let Some((first, last)) = files.journals.first().zip(files.journals.last()) else {
            return Err(self.refuse("its journals (store/*.jnl) are missing"));
        };
        if let Some((id, _)) = (first.0..=last.0).zip(&files.journals).find(|(id, (found, _))| id != found) {
            return Err(self.refuse(&format!("its journal store/{id}.jnl is missing")));
        }
        let keyspaces = match note {
            Some(note) => note.keyspaces.clone(),
            None => self.listed(files, journals)?,
        };
        if is_empty && keyspaces.len() < LAYOUT_1.len() {
            return Ok(Vec::new());
        }
        for id in &keyspaces {
            if !files.keyspaces.contains(id) {
                return Err(self.refuse(&format!("its folder store/keyspaces/{id} is missing")));
            }
            self.headers(*id)?;
        }
        self.strangers(files, note)?;
        Ok(keyspaces)
    }

    /// Checks that the headers of a keyspace are whole.
    fn headers(&self, id: u64) -> Result<()> {
        let folder = self.keyspace(id);
        match tree::look(&folder) {
            Ok(None) => Ok(()),
            Ok(Some(problem)) => Err(self.refuse(&problem)),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(self.refuse(&format!("{} is damaged: {error}", folder.display())))
            }
            Err(error) => Err(self.unreadable(error)),
        }
    }

    /// Returns the keyspaces of a store without a marker, as the engine's list has them.
    ///
    /// Those of layout 1 are 1, 2 and 3, unless the first start of its program was cut short: the
    /// engine gives no number out again that it may have used.
    fn listed(&self, files: &Files, journals: &Journals) -> Result<Vec<u64>> {
        if !files.keyspaces.contains(&ENGINE) {
            return Ok(LAYOUT_1.to_vec());
        }
        self.headers(ENGINE)?;
        let asked: BTreeSet<u64> =
            files.keyspaces.iter().chain(&journals.keyspaces).chain(&LAYOUT_1).copied().collect();
        let asked: Vec<u64> = asked.into_iter().filter(|id| *id != ENGINE).collect();
        let mut listed = vec![ENGINE];
        for (id, name) in asked.iter().zip(self.names_of(&asked)?) {
            let has_tables = files::has_tables(&self.store, *id).map_err(|error| self.unreadable(error))?;
            let is = |known: &&str| name.as_ref().is_some_and(|name| **name == *known.as_bytes());
            match keys::KEYSPACES.iter().position(is) {
                Some(known) if known < LAYOUT_1.len() - 1 => listed.push(*id),
                // This is a keyspace of layout 2 in the making.
                Some(_) => {}
                None if has_tables || journals.keyspaces.contains(id) => return Err(self.unlisted(*id)),
                // This folder was cut short in the making, and the engine removes it.
                None => {}
            }
        }
        Ok(listed)
    }

    /// Returns the names that the engine's list has for some keyspaces, in their order.
    fn names_of(&self, keyspaces: &[u64]) -> Result<Vec<Option<Slice>>> {
        let asked: Vec<_> = keyspaces.iter().map(|id| keys::name(*id)).collect();
        let asked: Vec<&[u8]> = asked.iter().map(|key| &key[..]).collect();
        Ok(self.persisted(ENGINE, &asked)?.records)
    }

    fn unlisted(&self, id: u64) -> Error {
        self.refuse(&format!(
            "the list of keyspaces in store/keyspaces/{ENGINE} does not have store/keyspaces/{id}: they \
             belong to two copies"
        ))
    }

    /// Refuses folders that the engine would remove, or that it cannot bear.
    fn strangers(&self, files: &Files, note: Option<&MarkerRecord>) -> Result<()> {
        let keyspaces = self.store.join("keyspaces");
        let other = files.others.iter().find(|path| path.starts_with(&keyspaces)).cloned();
        // Without a marker it may be a keyspace of layout 2 in the making.
        let unnamed = note.and_then(|note| files.keyspaces.iter().find(|id| !note.keyspaces.contains(id)));
        match other.or_else(|| unnamed.map(|id| self.keyspace(*id))) {
            None => Ok(()),
            Some(stranger) => Err(self.refuse(&format!(
                "{} is not one of its keyspaces, and the engine would remove it or fail; move it to another place",
                stranger.display()
            ))),
        }
    }

    /// Checks that the engine's list of keyspaces has the names that we ask for, and all folders:
    /// it makes a keyspace anew whose name it does not find, and removes the folder of one that it
    /// does not know.
    pub(super) fn names(&self, note: Option<&MarkerRecord>, keyspaces: &[u64]) -> Result<()> {
        if keyspaces.is_empty() {
            return Ok(());
        }
        // The engine reads most of its own tables when it opens a store, and they are small.
        let damaged = tree::verify(&self.keyspace(ENGINE)).map_err(|error| self.unreadable(error))?;
        if let Some(table) = damaged {
            return Err(self.refuse(&table));
        }
        let own: Vec<u64> = keyspaces.iter().copied().filter(|id| *id != ENGINE).collect();
        let names = self.names_of(&own)?;
        if let Some((id, _)) = own.iter().zip(&names).find(|(_, name)| name.is_none()) {
            return Err(self.unlisted(*id));
        }
        let expected =
            if note.is_some() { &keys::KEYSPACES[..] } else { &keys::KEYSPACES[..LAYOUT_1.len() - 1] };
        let has = |name: &str| names.iter().flatten().any(|found| **found == *name.as_bytes());
        match expected.iter().find(|name| !has(name)) {
            None => Ok(()),
            Some(name) => Err(self.refuse(&format!(
                "the list of keyspaces in store/keyspaces/{ENGINE} gives none of them the name {name}: it belongs to \
                 another copy"
            ))),
        }
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
        for id in keyspaces.iter().filter(|id| **id != ENGINE) {
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
        // More than the marker says is no fault: it is written after the batch, and flushed less
        // often.
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

/// The engine's own keyspace; it numbers the others from 1.
const ENGINE: u64 = 0;

/// The folders that a store of layout 1 has if its first start was not cut short: the engine's own,
/// entries, state, sends.
const LAYOUT_1: [u64; 4] = [ENGINE, 1, 2, 3];
