//! Finds the servers' binaries on this machine.
//!
//! `xtask` includes this file too, so that `cargo xtask setup` looks where the tests will, without
//! building the rest of this crate.

use std::env;
use std::path::Path;
use std::path::PathBuf;

/// Returns the first of `names` on `PATH` or in a directory that `cargo xtask setup` fills.
///
/// Those directories are `servers/bin` below `CARGO_TARGET_DIR`, if that is set, and
/// `target/servers/bin` of the workspace, whatever target directory the build uses: a checkout is
/// set up once.
pub fn binary(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).chain(server_folders()).collect();
    // By name first: an earlier name is the better one, wherever it lies.
    names.iter().find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|file| runs(file)))
}

/// Returns the root directory of this workspace.
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().find(|folder| folder.join("Cargo.lock").is_file()).unwrap_or(here).to_path_buf()
}

fn server_folders() -> Vec<PathBuf> {
    let elsewhere = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    // A relative target directory is relative to where cargo ran, which is not where a test runs.
    let elsewhere = elsewhere.map(|folder| workspace().join(folder));
    let targets = elsewhere.into_iter().chain([workspace().join("target")]);
    targets.flat_map(|target| [target.join("servers/bin"), target.join("tools/bin")]).collect()
}

#[cfg(unix)]
fn runs(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn runs(file: &Path) -> bool {
    file.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_where_the_lock_file_is() {
        assert!(workspace().join("Cargo.lock").is_file());
    }

    #[test]
    fn a_name_nobody_has_is_not_found() {
        assert_eq!(binary(&["no-such-program-anywhere"]), None);
    }

    #[test]
    fn a_later_name_is_found_when_the_earlier_ones_are_not_there() {
        assert!(binary(&["no-such-program-anywhere", "sh"]).is_some_and(|file| file.ends_with("sh")));
    }
}
