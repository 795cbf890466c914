//! That the front page of each crate says what its `lib.rs` does.

use super::tree::Tree;
use crate::readme::Front;

pub(super) fn check(tree: &Tree) -> Vec<String> {
    let read = |path: &str| tree.text(path).map(str::to_owned);
    let mut breaches = Vec::new();
    for (manifest, _) in tree.ending("/Cargo.toml").filter(|(path, _)| path.starts_with("crates/")) {
        match Front::of(manifest, read) {
            Ok(Some(front)) if tree.text(&front.path) != Some(front.text.as_str()) => {
                breaches.push(format!("{}: differs from lib.rs; run cargo xtask readme", front.path));
            }
            Ok(_) => {}
            Err(error) => breaches.push(format!("{manifest}: {error}")),
        }
    }
    breaches
}
