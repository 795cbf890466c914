//! What opening a directory made, so that it can be undone.

use std::fs::{DirBuilder, DirEntry};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::LOCK;

/// Directories and files that this process made, and no other one.
#[derive(Debug, Default)]
pub(super) struct Made {
    /// The outermost first.
    directories: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

impl Made {
    /// Makes a directory, and those around it that are missing, for our user alone.
    pub(super) fn directory(&mut self, path: &Path) -> io::Result<()> {
        // Other users of the machine must not read the messages.
        let mut builder = DirBuilder::new();
        builder.mode(0o700);
        let missing: Vec<&Path> =
            path.ancestors().take_while(|place| !place.as_os_str().is_empty() && !place.exists()).collect();
        for directory in missing.into_iter().rev() {
            match builder.create(directory) {
                Ok(()) => self.directories.push(directory.to_owned()),
                // Another process made it in this moment, and may use it by now.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        builder.recursive(true).create(path)
    }

    /// Notes a file that is about to be made, or was. Only for who has the lock of its directory,
    /// or has found that nobody can take it.
    pub(super) fn file(&mut self, path: PathBuf) {
        self.files.push(path);
    }

    /// Removes the files, and the directories in which nothing else is.
    pub(super) fn undo(&mut self) {
        // The order matters: files in the reverse order, so that the lock, which was made first,
        // goes last; then the directories, the innermost first.
        for file in self.files.drain(..).rev() {
            tell(&file, fs::remove_file(&file));
        }
        for directory in self.directories.drain(..).rev() {
            tell(&directory, fs::remove_dir(&directory));
        }
    }

    /// Removes the directory `path` with all that is in it if it was made, and otherwise nothing.
    /// Only for who has its lock.
    ///
    /// If the lock was there already, the directory was somebody else's between its making and our
    /// lock, and so may be what is in it.
    pub(super) fn undo_all(&mut self, path: &Path) {
        let made = self.directories.last().is_some_and(|innermost| innermost == path);
        if made && self.files.contains(&path.join(LOCK)) {
            match fs::read_dir(path) {
                Ok(entries) => entries.flatten().for_each(|entry| self.remove_unnoted(&entry)),
                Err(error) => tell(path, Err(error)),
            }
            self.undo();
        }
    }

    /// Removes what is not among the files. Those are removed afterwards, the lock last, as
    /// somebody else may use the directory from then on.
    fn remove_unnoted(&self, entry: &DirEntry) {
        let path = entry.path();
        if self.files.contains(&path) {
            return;
        }
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        tell(&path, if is_directory { fs::remove_dir_all(&path) } else { fs::remove_file(&path) });
    }
}

/// Tells of what could not be removed. What is gone, or was used by somebody else since, needs no
/// word.
fn tell(path: &Path, removed: io::Result<()>) {
    use io::ErrorKind::{DirectoryNotEmpty, NotFound};

    match removed {
        Err(error) if !matches!(error.kind(), NotFound | DirectoryNotEmpty) => {
            tracing::warn!("{} cannot be removed: {error}", path.display());
        }
        Ok(()) | Err(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_made_and_is_not_used_by_others_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let (around, path) = (parent.path().join("a"), parent.path().join("a/b/c"));
        let mut made = Made::default();
        made.directory(&path).unwrap();
        fs::write(path.join("ours"), "").unwrap();
        made.file(path.join("ours"));
        made.file(path.join("never made"));
        fs::write(path.join("theirs"), "").unwrap();
        made.undo();
        assert!(path.join("theirs").exists() && !path.join("ours").exists());
        // Nor does who comes second take what the first one made for its own.
        let mut second = Made::default();
        second.directory(&path).unwrap();
        second.undo_all(&path);
        second.undo();
        assert!(path.join("theirs").exists());
        fs::remove_dir_all(&around).unwrap();
        made.directory(&path).unwrap();
        fs::write(path.join("theirs"), "").unwrap();
        // The lock is that of a process which came between.
        made.undo_all(&path);
        assert!(path.join("theirs").exists());
        made.file(path.join(LOCK));
        made.undo_all(&path);
        assert!(!around.exists());
    }
}
