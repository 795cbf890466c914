//! Runs every check over the tree.

use anyhow::{Result, bail};

use super::imports::Imports;
use super::tree::Tree;
use super::{
    circles, codes, comments, defaults, dialect, edges, glossary, links, metrics, msrv, readmes, scripts,
    shape, words,
};

/// Prints every breach, one a line, and fails if there is any.
pub fn run() -> Result<()> {
    let breaches = breaches(&Tree::read()?);
    for breach in &breaches {
        println!("{breach}");
    }
    match breaches.len() {
        0 => println!("tidy"),
        count => bail!("{count} breaches of the house rules"),
    }
    Ok(())
}

/// Prints which file names which other, one pair a line, for whoever has a circle to cut.
pub fn show_imports() -> Result<()> {
    imports(&Tree::read()?).iter().for_each(|pair| println!("{pair}"));
    Ok(())
}

fn imports(tree: &Tree) -> Vec<String> {
    let crates = Imports::of_all(tree);
    let shown = |Imports { root, pairs }: &Imports| -> Vec<String> {
        pairs.iter().map(|(from, to)| format!("{root}: {from} -> {to}")).collect()
    };
    crates.iter().flat_map(shown).collect()
}

fn breaches(tree: &Tree) -> Vec<String> {
    let checks = [
        edges::check,
        shape::check,
        words::check,
        links::check,
        metrics::check,
        codes::check,
        scripts::check,
        readmes::check,
        circles::check,
        comments::check,
        defaults::check,
        dialect::check,
        glossary::check,
    ];
    let mut breaches: Vec<String> = checks.iter().flat_map(|check| check(tree)).collect();
    breaches.extend(msrv::check());
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_tidy() {
        assert_eq!(breaches(&Tree::read().unwrap()), Vec::<String>::new());
    }

    #[test]
    fn imports_are_listed_with_their_crate_and_without_parents() {
        let tree = Tree::of(&[
            ("crates/a/src/lib.rs", "mod b;\nmod c;\npub use b::B;\n"),
            ("crates/a/src/b.rs", "use crate::c::C;\n"),
            ("crates/a/src/c.rs", "pub struct C;\n"),
        ]);
        assert_eq!(imports(&tree), ["crates/a/src: b -> c"]);
    }
}
