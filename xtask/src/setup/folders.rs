//! Where what is got lies, and how it is made to run.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::step;

/// Returns the directory for the servers' binaries.
pub(super) fn servers() -> PathBuf {
    step::target().join("servers")
}

/// Returns the directory for cargo's tools.
pub(super) fn tools() -> PathBuf {
    step::target().join("tools")
}

/// Lets everyone run a file.
pub(super) fn executable(file: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755))
}
