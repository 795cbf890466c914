//! Compiles each published crate with the Rust that it states.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::Result;

use super::needs::needs;
use super::release::Release;
use crate::binary::workspace;
use crate::step::{Steps, capture, show, target};

/// Compiles all of them, where their Rust is installed.
pub(crate) fn run() -> Result<()> {
    let mut steps = Steps::default();
    self::steps(&mut steps);
    print!("\n{}", steps.table());
    steps.verdict()
}

/// Adds a step for each Rust that a crate states, which is skipped if it is not installed.
pub(crate) fn steps(steps: &mut Steps) {
    let mut crates: BTreeMap<Release, Vec<String>> = BTreeMap::new();
    match needs() {
        Ok(needs) => {
            needs.into_iter().for_each(|need| crates.entry(need.stated).or_default().push(need.name));
        }
        Err(error) => return steps.run("msrv", || Err(error)),
    }
    let installed = installed();
    for (release, names) in crates {
        let step = format!("rust {release}");
        match installed.iter().find(|toolchain| is_of(toolchain, release)) {
            Some(toolchain) => steps.run(&step, || compile(toolchain, release, &names)),
            None => steps.skip(&step, &format!("not installed: `rustup toolchain install {release}`")),
        }
    }
}

/// Returns the toolchains of rustup, none if it is not there.
fn installed() -> Vec<String> {
    let list = capture(Command::new("rustup").args(["toolchain", "list"])).unwrap_or_default();
    // Behind some names stands that it is the default.
    list.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// Whether a toolchain such as `1.88.0-x86_64-unknown-linux-gnu` is of a release.
fn is_of(toolchain: &str, release: Release) -> bool {
    toolchain.split('-').next().and_then(Release::parse) == Some(release)
}

/// In a folder of its own, as nothing that another Rust compiled is of use.
fn compile(toolchain: &str, release: Release, names: &[String]) -> Result<()> {
    let mut check = Command::new("rustup");
    check.args(["run", toolchain, "cargo", "check", "--quiet", "--locked", "--all-features"]);
    check.arg("--target-dir").arg(target().join("msrv").join(release.to_string()));
    for name in names {
        check.args(["--package", name.as_str()]);
    }
    show(check.current_dir(workspace()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toolchain_is_known_by_its_release() {
        let release = Release::parse("1.88").unwrap();
        assert!(is_of("1.88.0-x86_64-unknown-linux-gnu", release) && is_of("1.88-x86_64", release));
        assert!(!is_of("stable-x86_64-unknown-linux-gnu", release) && !is_of("1.89.0-x86_64", release));
    }
}
