//! The step "features" of `cargo xtask ci`: crates with only some of their features.

use std::fs;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::binary::workspace;
use crate::step::cargo;

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
    // The facade's own sets check each of its others alone.
    ("message-timeline", "timeline", Sets::Listed(&["proto"])),
    ("conductor-protocol", "conductor-protocol", Sets::Each),
    ("conductor-client", "conductor-client", Sets::Each),
    ("conductor-hub", "conductor-hub", Sets::Each),
    ("tidings-join", "join", Sets::Each),
    ("tidings-identity", "identity", Sets::Each),
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

/// Compiles a package, and takes a warning for a failure.
fn check(package: &str, features: &str) -> Result<()> {
    let with = if features.is_empty() { "no features" } else { features };
    println!("{package} with {with}");
    let mut check = cargo(&["check", "--quiet", "--package", package, "--no-default-features"]);
    // Beside the other, it spares compiling all macros again for each set.
    check.args(["--package", "host-features"]);
    for feature in features.split(',').filter(|feature| !feature.is_empty()) {
        check.args(["--features", &format!("{package}/{feature}")]);
    }
    check.arg("--message-format=json").stderr(Stdio::inherit());
    // Warnings are read and not denied by a flag, with which all dependencies would be compiled
    // again.
    let output = check.output().context("cargo cannot be run")?;
    let messages = String::from_utf8_lossy(&output.stdout);
    let findings: Vec<String> = messages.lines().filter_map(finding).collect();
    findings.iter().for_each(|finding| println!("{finding}"));
    if !output.status.success() || !findings.is_empty() {
        bail!("{package} with {with} does not compile without warnings");
    }
    Ok(())
}

/// Returns what the compiler found wrong with our code; `None` for all else that cargo tells.
fn finding(message: &str) -> Option<String> {
    let message: Value = serde_json::from_str(message).ok()?;
    let found = message["message"]["rendered"].as_str()?;
    (message["reason"] == "compiler-message").then(|| found.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_told_from_a_crate_that_was_compiled() {
        let warning =
            r#"{"reason":"compiler-message","message":{"level":"warning","rendered":"warning: unused"}}"#;
        assert_eq!(finding(warning).as_deref(), Some("warning: unused"));
        assert_eq!(finding(r#"{"reason":"compiler-artifact","fresh":true}"#), None);
        assert_eq!(finding("no JSON"), None);
    }
}
