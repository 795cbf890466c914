//! What the dependencies of each published crate need.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::release::Release;
use crate::binary::workspace;
use crate::step::{capture, cargo};

/// What the edition of all our crates needs.
const EDITION: &str = "1.85";

/// The Rust of a published crate: what it states, and what its dependencies need.
#[derive(Debug)]
pub(crate) struct Need {
    pub(crate) name: String,
    /// The path of its manifest, from the root.
    pub(crate) manifest: String,
    pub(crate) stated: Release,
    pub(crate) needed: Release,
    /// The dependency that needs it, with its version.
    pub(crate) because_of: String,
}

/// Returns what each published crate needs with all of its features.
///
/// Only dependencies of this platform count: of the others cargo knows nothing that it has not
/// downloaded.
pub(crate) fn needs() -> Result<Vec<Need>> {
    let host = capture(Command::new("rustc").args(["--print", "host-tuple"]).current_dir(workspace()))?;
    let metadata = ["metadata", "--format-version=1", "--locked", "--filter-platform", host.trim()];
    let metadata = capture(&mut cargo(&metadata))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo's metadata cannot be read")?;
    let packages = metadata["packages"].as_array().context("cargo's metadata lists no packages")?;
    let stated = packages.iter().filter_map(stated).collect();
    // A package of the workspace has no source, and one that is published has no list of
    // registries.
    let ours = packages.iter().filter(|package| package["source"].is_null() && package["publish"].is_null());
    ours.map(|package| need(package, &stated)).collect()
}

/// The packages that state their Rust, as `cargo tree` names them: `uuid v1.29.1`.
type Stated = BTreeMap<String, Release>;

fn stated(package: &Value) -> Option<(String, Release)> {
    let release = Release::parse(package["rust_version"].as_str()?)?;
    Some((format!("{} v{}", package["name"].as_str()?, package["version"].as_str()?), release))
}

fn need(package: &Value, all: &Stated) -> Result<Need> {
    let name = package["name"].as_str().context("a package has no name")?;
    let manifest = package["manifest_path"].as_str().unwrap_or_default();
    let root = workspace().display().to_string();
    let manifest = manifest.strip_prefix(&root).unwrap_or(manifest).trim_start_matches('/');
    let Some((_, stated)) = stated(package) else { bail!("{manifest} states no rust-version") };
    let edition = Release::parse(EDITION).context("the release of the edition cannot be read")?;
    let mut highest = (edition, "the edition");
    let tree = ["tree", "--locked", "--edges=normal,build", "--all-features", "--prefix=none", "--package"];
    let tree = capture(cargo(&tree).arg(name))?;
    // The first line is the crate itself.
    for line in tree.lines().skip(1) {
        let known = all.get_key_value(&line.split(' ').take(2).collect::<Vec<_>>().join(" "));
        if let Some((dependency, release)) = known
            && *release > highest.0
        {
            highest = (*release, dependency.as_str());
        }
    }
    let (needed, because_of) = highest;
    Ok(Need {
        name: name.to_owned(),
        manifest: manifest.to_owned(),
        stated,
        needed,
        because_of: because_of.to_owned(),
    })
}
