//! The command apt-get.

use std::process::Command;

/// Asks for no answers, ends a dead mirror's wait, and waits for another apt to finish.
const QUIET: [&str; 8] = [
    "-y",
    "-q",
    "-o",
    "Acquire::Retries=2",
    "-o",
    "Acquire::http::Timeout=60",
    "-o",
    "DPkg::Lock::Timeout=300",
];

/// Returns an apt-get that asks nothing.
pub(super) fn apt_get(arguments: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command.args(QUIET).args(arguments).env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C");
    command
}
