//! That a word of the glossary names one thing in each crate.

use std::collections::BTreeMap;

use super::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<String> {
    let Some(text) = tree.text("ARCHITECTURE.md") else { return Vec::new() };
    let words: Vec<String> = terms(text).map(type_name).collect();
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
            if words.iter().any(|word| word == defined) {
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
    }
    breaches
}

/// Returns the first column of the table below the heading "Glossary".
fn terms(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().skip_while(|line| *line != "## Glossary").skip(1);
    let rows = lines.take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with("| "));
    rows.filter_map(|row| row.split('|').nth(1)).map(str::trim).filter(|term| *term != "term")
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
    fn a_second_type_with_a_word_of_the_glossary_is_found_in_one_crate() {
        let glossary = "# A\n\n## Glossary\n\n| term | meaning |\n|---|---|\n| idempotency key | x |\n| room | y |\n\n## B\n| shard | z |\n";
        let tree = Tree::of(&[
            ("ARCHITECTURE.md", glossary),
            ("crates/a/src/lib.rs", "pub(crate) struct Room {\n    a: u8,\n}\ntype Shard = u8;\n"),
            (
                "crates/a/src/b.rs",
                "pub struct IdempotencyKey(u8);\n#[cfg(test)]\nmod tests {\nstruct Room;\n}\n",
            ),
            ("crates/a/src/c.rs", "enum Room {}\ntype Shard = u8;\n"),
            ("crates/b/src/lib.rs", "pub trait Room {}\n"),
        ]);
        assert_eq!(
            check(&tree),
            [
                "crates/a: Room is a word of the glossary and names 2 types: crates/a/src/c.rs, crates/a/src/lib.rs"
            ]
        );
    }
}
