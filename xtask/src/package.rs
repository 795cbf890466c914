//! `cargo xtask package`: whether every crate that is published can be.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::step::{capture, cargo, show};

/// What somebody who finds a crate expects beside its source.
const EXPECTED: [&str; 3] = ["README.md", "LICENSE-APACHE", "LICENSE-MIT"];

/// Looks at what each published crate would consist of, then builds them all from just that.
pub(crate) fn run() -> Result<()> {
    let (published, kept) = packages()?;
    for name in &published {
        // `--allow-dirty`, as this is also run before a commit.
        let files = capture(&mut cargo(&["package", "--list", "--allow-dirty", "--package", name]))?;
        let missing: Vec<_> =
            EXPECTED.into_iter().filter(|expected| !files.lines().any(|file| file == *expected)).collect();
        if !missing.is_empty() {
            bail!("the package of {name} lacks {}", missing.join(", "));
        }
        println!("{name}: {} files", files.lines().count());
    }
    let mut package = cargo(&["package", "--workspace", "--all-features", "--quiet"]);
    for name in &kept {
        package.args(["--exclude", name]);
    }
    show(&mut package)?;
    println!("{} crates can be published", published.len());
    Ok(())
}

/// Returns the names of the crates that are published, and of those that are not.
fn packages() -> Result<(Vec<String>, Vec<String>)> {
    let metadata = capture(&mut cargo(&["metadata", "--format-version", "1", "--no-deps"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo's metadata cannot be read")?;
    let packages = metadata["packages"].as_array().context("cargo's metadata lists no packages")?;
    let named = |published: bool| {
        let of_kind = packages.iter().filter(move |package| package["publish"].is_null() == published);
        of_kind.filter_map(|package| package["name"].as_str().map(str::to_owned)).collect()
    };
    Ok((named(true), named(false)))
}
