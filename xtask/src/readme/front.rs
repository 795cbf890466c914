//! The front page of one crate.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::markdown;

/// What a crate's README has to be.
#[derive(Debug)]
pub struct Front {
    /// Where it lies, from the root of the workspace.
    pub path: String,
    /// All of it.
    pub text: String,
}

impl Front {
    /// Makes the front page of the crate with this manifest; `None` if its manifest names no
    /// README, as that of a crate that is not published.
    ///
    /// `read` gives the text of a file by its path from the root.
    pub fn of(manifest: &str, read: impl Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        let folder = manifest.strip_suffix("/Cargo.toml").context("not a manifest in a folder")?;
        let Some(text) = read(manifest) else { return Ok(None) };
        let table: Table = text.parse()?;
        let package = table.get("package").context("no [package]")?;
        if package.get("readme").is_none() {
            return Ok(None);
        }
        let name = package.get("name").and_then(Value::as_str).context("the package has no name")?;
        let library = table.get("lib").and_then(|lib| lib.get("name")).and_then(Value::as_str);
        let library = library.map_or_else(|| name.replace('-', "_"), str::to_owned);
        let Some(source) = read(&format!("{folder}/src/lib.rs")) else { return Ok(None) };
        let docs = documentation(&source, |included| read(&joined(folder, included)))?;
        Ok(Some(Self { path: format!("{folder}/README.md"), text: page(name, &library, &docs) }))
    }
}

/// Returns the documentation of a crate: its `//!` lines, and the documents that are included after
/// them.
fn documentation(source: &str, included: impl Fn(&str) -> Option<String>) -> Result<String> {
    let mut docs = String::new();
    for line in source.lines() {
        if let Some(text) = line.strip_prefix("//!") {
            docs.push_str(text.strip_prefix(' ').unwrap_or(text));
            docs.push('\n');
        } else if let Some(rest) = line.strip_prefix("#![doc = include_str!(\"") {
            let path =
                rest.strip_suffix("\")]").context("an included document is named in a way of its own")?;
            let text = included(path).with_context(|| format!("no such document: {path}"))?;
            writeln!(docs, "\n{}", text.trim_end())?;
        }
    }
    Ok(docs)
}

/// Joins a path as `include_str!` does, from the crate's `src`.
fn joined(folder: &str, path: &str) -> String {
    match path.strip_prefix("../") {
        Some(rest) => format!("{folder}/{rest}"),
        None => format!("{folder}/src/{path}"),
    }
}

fn page(name: &str, library: &str, docs: &str) -> String {
    let body = markdown::for_a_page(docs);
    let (intro, rest) = body.split_once("\n## ").unwrap_or_else(|| (body.trim_end(), ""));
    let mut page = format!("# {name}\n\n{}\n\n", intro.trim_end());
    let as_library = if library == name { String::new() } else { format!("   # in code: `{library}`") };
    let _ = write!(page, "```toml\n[dependencies]\n{name} = \"0.1\"{as_library}\n```\n\n");
    page.push_str("Licensed under [MIT](LICENSE-MIT) or [Apache-2.0](LICENSE-APACHE), as you like.\n");
    if !rest.is_empty() {
        page.push_str("\n## ");
        page.push_str(rest.trim_end());
        page.push('\n');
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_front_page_is_made_of_the_docs_and_names_the_library() {
        let read = |path: &str| {
            let text = match path {
                "crates/a/Cargo.toml" => {
                    "[package]\nname = \"long-a\"\nreadme = \"README.md\"\n[lib]\nname = \"a\"\n"
                }
                "crates/a/src/lib.rs" => {
                    "//! Does [`A`](crate::A).\n//!\n//! # More\n//!\n//! text\n#![doc = include_str!(\"../docs/b.md\")]\n\nmod a;\n"
                }
                "crates/a/docs/b.md" => "# Coming from B\n\nb\n",
                "crates/b/Cargo.toml" => "[package]\nname = \"b\"\n",
                _ => return None,
            };
            Some(text.to_owned())
        };
        let front = Front::of("crates/a/Cargo.toml", read).unwrap().unwrap();
        assert_eq!(front.path, "crates/a/README.md");
        let expected = "# long-a\n\nDoes `A`.\n\n```toml\n[dependencies]\nlong-a = \"0.1\"   # in code: `a`\n```\n\nLicensed under [MIT](LICENSE-MIT) or \
            [Apache-2.0](LICENSE-APACHE), as you like.\n\n## More\n\ntext\n\n## Coming from B\n\nb\n";
        assert_eq!(front.text, expected);
        assert!(Front::of("crates/b/Cargo.toml", read).unwrap().is_none());
    }
}
