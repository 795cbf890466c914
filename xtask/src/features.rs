//! The step "features" of `cargo xtask ci`: crates with only some of their features.

use std::fs;

use anyhow::{Context, Result};

use crate::binary::workspace;
use crate::step::{cargo, show};

/// Which sets of features of a package are checked, beside none at all.
enum Sets {
    /// Each feature alone.
    Each,
    /// These, separated by commas.
    Listed(&'static [&'static str]),
}

/// The packages with their folders in `crates`.
const PACKAGES: &[(&str, &str, Sets)] = &[
    ("tidings", "tidings", Sets::Each),
    ("presence-core", "presence-core", Sets::Each),
    // Each of them puts other code in the place of what is off.
    (
        "redis-link",
        "redis-link",
        Sets::Listed(&["cluster", "sentinel", "tls", "cluster,sentinel", "cluster,tls", "sentinel,tls"]),
    ),
    // All its features are those of redis-link.
    ("presence-redis", "presence-redis", Sets::Listed(&["cluster,sentinel,tls"])),
    ("redis-mpx", "mpx", Sets::Each),
    ("tidings-join", "join", Sets::Each),
];

pub(crate) fn run() -> Result<()> {
    for (package, folder, sets) in PACKAGES {
        check(package, "")?;
        match sets {
            Sets::Each => features_of(folder)?.iter().try_for_each(|feature| check(package, feature))?,
            Sets::Listed(sets) => sets.iter().try_for_each(|set| check(package, set))?,
        }
    }
    Ok(())
}

fn features_of(folder: &str) -> Result<Vec<String>> {
    let manifest = fs::read_to_string(workspace().join("crates").join(folder).join("Cargo.toml"))?;
    let manifest: toml::Table = manifest.parse()?;
    let features = manifest.get("features").and_then(toml::Value::as_table);
    let features = features.with_context(|| format!("the manifest of {folder} has no features"))?;
    // One that begins with `_` is a part of others, which nobody asks for alone.
    let is_asked_for = |feature: &&String| *feature != "default" && !feature.starts_with('_');
    Ok(features.keys().filter(is_asked_for).cloned().collect())
}

fn check(package: &str, features: &str) -> Result<()> {
    println!("{package} with {}", if features.is_empty() { "no features" } else { features });
    show(&mut cargo(&[
        "check",
        "--quiet",
        "--package",
        package,
        "--no-default-features",
        "--features",
        features,
    ]))
}
