//! Runs every check over the tree.

use anyhow::{Result, bail};

use super::tree::Tree;
use super::{
    circles, codes, comments, defaults, dialect, edges, glossary, links, msrv, readmes, scripts, shape, words,
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

fn breaches(tree: &Tree) -> Vec<String> {
    let checks = [
        edges::check,
        shape::check,
        words::check,
        links::check,
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
}
