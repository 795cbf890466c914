//! The files of the engine, by name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The files below `<directory>/store`.
#[derive(Debug, Default)]
pub(in crate::embedded) struct Files {
    /// Whether the folder is there and not empty.
    pub(in crate::embedded) any: bool,
    /// The contents of `version`, empty if it is missing.
    pub(in crate::embedded) version: Vec<u8>,
    /// The journals with their ids, ascending.
    pub(in crate::embedded) journals: Vec<(u64, PathBuf)>,
    /// The ids of the folders below `keyspaces`, ascending.
    pub(in crate::embedded) keyspaces: Vec<u64>,
    /// What is none of these: anything in the folder itself, and folders below `keyspaces`.
    pub(in crate::embedded) others: Vec<PathBuf>,
}

/// What `version` says in a store that the engine can read.
pub(in crate::embedded) const VERSION: &[u8] = b"FJL\x03";

impl Files {
    pub(in crate::embedded) fn list(store: &Path) -> io::Result<Self> {
        let mut files = Self::default();
        for entry in entries(store)? {
            let entry = entry?;
            let (name, path) = (entry.file_name(), entry.path());
            files.any = true;
            if path.extension().is_some_and(|extension| extension == "jnl")
                && let Some(id) = path.file_stem().and_then(number)
            {
                files.journals.push((id, path));
            // What nobody knows is listed apart: a store that was not finished is removed only if
            // there is nothing of that.
            } else if !BESIDE.iter().any(|known| name == **known) {
                files.others.push(path);
            }
        }
        for entry in entries(&store.join("keyspaces"))? {
            let entry = entry?;
            match number(&entry.file_name()) {
                Some(id) => files.keyspaces.push(id),
                None if entry.file_type()?.is_dir() => files.others.push(entry.path()),
                // The engine passes over files.
                None => {}
            }
        }
        files.version = match fs::read(store.join("version")) {
            Ok(version) => version,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        files.journals.sort_unstable();
        files.keyspaces.sort_unstable();
        files.others.sort_unstable();
        Ok(files)
    }

    /// Returns whether any keyspace but the engine's own has tables.
    pub(in crate::embedded) fn has_tables(&self, store: &Path) -> io::Result<bool> {
        for id in self.keyspaces.iter().filter(|id| **id != 0) {
            if has_tables(store, *id)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Returns whether a keyspace has tables.
pub(in crate::embedded) fn has_tables(store: &Path, keyspace: u64) -> io::Result<bool> {
    let tables = store.join("keyspaces").join(keyspace.to_string()).join("tables");
    let first = entries(&tables)?.next();
    Ok(first.is_some())
}

/// What the engine has beside its journals.
const BESIDE: [&str; 3] = ["keyspaces", "lock", "version"];

fn number(name: &std::ffi::OsStr) -> Option<u64> {
    name.to_str()?.parse().ok()
}

/// The entries of a folder; none if it is missing.
fn entries(folder: &Path) -> io::Result<impl Iterator<Item = io::Result<fs::DirEntry>>> {
    match fs::read_dir(folder) {
        Ok(entries) => Ok(Some(entries).into_iter().flatten()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None.into_iter().flatten()),
        Err(error) => Err(error),
    }
}
