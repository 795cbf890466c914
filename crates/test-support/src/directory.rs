//! Temporary directories that do not stay behind for long.

use std::env;
use std::fs;
use std::path::Path;
use std::process;

use tempfile::TempDir;

use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;

/// Every directory of ours is named `tidings-test-<process id>-<server>-<random>`.
const PREFIX: &str = "tidings-test-";

/// Creates a directory that is removed on drop.
///
/// A test process that is killed cannot remove its directories: the next one does, which finds them
/// by the ids of processes that are gone.
pub(crate) fn temporary_directory(server: &str) -> Result<TempDir> {
    sweep(&env::temp_dir());
    tempfile::Builder::new()
        .prefix(&format!("{PREFIX}{}-{server}-", process::id()))
        .tempdir()
        .map_err(|error| Error::because(ErrorKind::Unavailable, "cannot make a temporary directory", error))
}

fn sweep(folder: &Path) {
    // Only where the system tells which processes live.
    if !Path::new("/proc/self").exists() {
        return;
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner =
            name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|rest| rest.split('-').next());
        let Some(owner) = owner.and_then(|id| id.parse::<u32>().ok()) else { continue };
        if !Path::new(&format!("/proc/{owner}")).exists() {
            // Another test process may remove it at the same time, or it belongs to another user.
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_of_a_dead_process_is_swept_and_one_of_ours_is_not() {
        let folder = tempfile::tempdir().unwrap();
        // Larger than any process id that Linux gives.
        let dead = folder.path().join(format!("{PREFIX}{}-redis-x", u32::MAX));
        let ours = folder.path().join(format!("{PREFIX}{}-redis-x", process::id()));
        let other = folder.path().join("somebody-else");
        for path in [&dead, &ours, &other] {
            fs::create_dir(path).unwrap();
        }
        sweep(folder.path());
        assert_eq!([&dead, &ours, &other].map(|path| path.exists()), [false, true, true]);
    }
}
