//! That a word of the glossary names one thing in each crate, and is no type of any other crate
//! than those that its row names.

use std::collections::BTreeMap;

use super::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<String> {
    let Some(text) = tree.text("ARCHITECTURE.md") else { return Vec::new() };
    let words: BTreeMap<String, &str> =
        terms(text).map(|(term, lives_in)| (type_name(term), lives_in)).collect();
    let mut places: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for (path, text) in tree.ending(".rs") {
        let Some((name, file)) = path.strip_prefix("crates/").and_then(|path| path.split_once("/src/"))
        else {
            continue;
        };
        // Laws and test servers have scenes of their own.
        if name == "test-support" || file.starts_with("contract/") || file.ends_with("tests.rs") {
            continue;
        }
        for defined in types(text) {
            if words.contains_key(defined) {
                places.entry((name, defined)).or_default().push(path);
            }
        }
    }
    let mut breaches = Vec::new();
    for ((name, defined), files) in places {
        if files.len() > 1 {
            breaches.push(format!(
                "crates/{name}: {defined} is a word of the glossary and names {} types: {}",
                files.len(),
                files.join(", ")
            ));
        }
        if !words.get(defined).is_some_and(|lives_in| names(lives_in, name)) {
            breaches.push(format!(
                "crates/{name}: {defined} is a word of the glossary, whose row does not say that it lives in \
                 this crate: {}",
                files.join(", ")
            ));
        }
    }
    breaches
}

/// What the glossary calls crates, where that is not the name of their folder.
const CALLED: [(&str, &str); 4] = [
    ("conductor-hub", "hub"),
    ("identity", "tidings-identity"),
    ("join", "tidings-join"),
    ("presence-redis", "leases"),
];

/// Tells whether the last column of a row names a crate.
fn names(lives_in: &str, name: &str) -> bool {
    let mut words = lives_in.split(|letter: char| !letter.is_alphanumeric() && !"-_".contains(letter));
    words.any(|word| word == name || CALLED.contains(&(name, word)))
}

/// Returns the first and the last column of the table below the heading "Glossary".
fn terms(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let lines = text.lines().skip_while(|line| *line != "## Glossary").skip(1);
    let rows = lines.take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with("| "));
    let columns = rows.filter_map(|row| {
        let mut columns = row.split('|').map(str::trim).skip(1);
        Some((columns.next()?, columns.nth(1)?))
    });
    columns.filter(|(term, _)| *term != "term")
}

/// Returns the name of a type that a term would have: `idempotency key` is `IdempotencyKey`.
fn type_name(term: &str) -> String {
    let mut name = String::new();
    for word in term.split_whitespace() {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name
}

/// Returns the types that a file defines, without those of its unit tests.
fn types(text: &str) -> impl Iterator<Item = &str> {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
    code.lines().filter_map(|line| {
        let line = match line.strip_prefix("pub") {
            Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
            Some(rest) => rest.trim_start(),
            None => line,
        };
        let kinds = ["struct ", "enum ", "trait ", "type "];
        let name = kinds.iter().find_map(|kind| line.strip_prefix(kind))?;
        name.split(|c: char| !c.is_alphanumeric() && c != '_').next()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_type_with_a_word_of_the_glossary_is_found_in_a_crate_and_beside_it() {
        let glossary = "# A\n\n## Glossary\n\n| term | meaning | where |\n|---|---|---|\n| idempotency key | x | hub `IdempotencyKey` |\n| room | y | `a`, some |\n\n## B\n| shard | z |\n";
        let tree = Tree::of(&[
            ("ARCHITECTURE.md", glossary),
            ("crates/a/src/lib.rs", "pub(crate) struct Room {\n    a: u8,\n}\ntype Shard = u8;\n"),
            (
                "crates/a/src/b.rs",
                "pub struct IdempotencyKey(u8);\n#[cfg(test)]\nmod tests {\nstruct Room;\n}\n",
            ),
            ("crates/a/src/c.rs", "enum Room {}\ntype Shard = u8;\n"),
            ("crates/b/src/lib.rs", "pub trait Room {}\n"),
            ("crates/conductor-hub/src/lib.rs", "struct IdempotencyKey;\n"),
        ]);
        assert_eq!(
            check(&tree),
            [
                "crates/a: IdempotencyKey is a word of the glossary, whose row does not say that it lives in this crate: crates/a/src/b.rs",
                "crates/a: Room is a word of the glossary and names 2 types: crates/a/src/c.rs, crates/a/src/lib.rs",
                "crates/b: Room is a word of the glossary, whose row does not say that it lives in this crate: crates/b/src/lib.rs",
            ]
        );
    }
}
