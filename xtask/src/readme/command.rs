//! Writes the front pages.

use std::fs;

use anyhow::{Context, Result};

use super::front::Front;
use crate::binary::workspace;

/// Writes the README of each crate that names one, where it differs from its `lib.rs`.
pub fn run() -> Result<()> {
    let read = |path: &str| fs::read_to_string(workspace().join(path)).ok();
    for manifest in manifests()? {
        let Some(front) = Front::of(&manifest, read).with_context(|| manifest.clone())? else { continue };
        if read(&front.path).as_deref() != Some(front.text.as_str()) {
            fs::write(workspace().join(&front.path), &front.text)
                .with_context(|| format!("{} cannot be written", front.path))?;
            println!("{} written", front.path);
        }
    }
    Ok(())
}

/// Returns the path of each crate's manifest, from the root.
fn manifests() -> Result<Vec<String>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(workspace().join("crates")).context("crates cannot be listed")? {
        let name = entry?.file_name();
        paths.push(format!("crates/{}/Cargo.toml", name.to_string_lossy()));
    }
    paths.sort();
    Ok(paths)
}
