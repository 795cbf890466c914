//! Whether what the store writes to can be written to.
//!
//! The engine makes files in some folders only when it copies its journals into tables. A store
//! that may not do that would start, and fail hours later.

use std::io;
use std::path::Path;

use rustix::fs::Access;
use rustix::io::Errno;

use super::super::marker;
use super::files::Files;

/// Asks for every file and folder of a directory that is written to, and changes nothing.
///
/// # Errors
///
/// The system's error for the first one that cannot be written to, with its path.
pub(in crate::embedded) fn check(directory: &Path, files: &Files) -> io::Result<()> {
    let store = directory.join("store");
    let keyspaces = store.join("keyspaces");
    let mut folders = vec![directory.to_owned(), store.clone(), keyspaces.clone()];
    for id in &files.keyspaces {
        let keyspace = keyspaces.join(id.to_string());
        folders.push(keyspace.join("tables"));
        folders.push(keyspace);
    }
    for folder in &folders {
        ask(folder, Access::WRITE_OK | Access::EXEC_OK)?;
    }
    let (marker, lock) = (marker::path(directory), store.join("lock"));
    for file in files.journals.iter().map(|(_, path)| path).chain([&marker, &lock]) {
        ask(file, Access::READ_OK | Access::WRITE_OK)?;
    }
    Ok(())
}

fn ask(path: &Path, access: Access) -> io::Result<()> {
    match rustix::fs::access(path, access) {
        // What is missing is made.
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => {
            let error = io::Error::from(error);
            Err(io::Error::new(error.kind(), format!("{}: {error}", path.display())))
        }
    }
}
