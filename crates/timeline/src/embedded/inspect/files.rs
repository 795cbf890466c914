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
}

/// What `version` says in a store that the engine can read.
pub(in crate::embedded) const VERSION: &[u8] = b"FJL\x03";

impl Files {
    pub(in crate::embedded) fn list(store: &Path) -> io::Result<Self> {
        let mut files = Self::default();
        for entry in entries(store)? {
            let path = entry?.path();
            files.any = true;
            if path.extension().is_some_and(|extension| extension == "jnl")
                && let Some(id) = path.file_stem().and_then(number)
            {
                files.journals.push((id, path));
            }
        }
        for entry in entries(&store.join("keyspaces"))? {
            files.keyspaces.extend(number(&entry?.file_name()));
        }
        files.version = match fs::read(store.join("version")) {
            Ok(version) => version,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        files.journals.sort_unstable();
        files.keyspaces.sort_unstable();
        Ok(files)
    }
}

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
