//! That the documentation of a setter says the default that the code has.

use std::collections::BTreeMap;

use super::dialect::{code, is_interface};
use super::tree::Tree;
use super::value::{Value, constant, evaluated, quantity};

pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut breaches = Vec::new();
    for (path, text) in tree.ending(".rs").filter(|(path, _)| is_interface(path)) {
        let constant = |name: &str| constant(tree, path, name);
        let defaults = defaults(code(text), constant);
        for (name, docs) in setters(code(text)) {
            let Some(default) = defaults.get(name) else { continue };
            match stated(&docs) {
                Some(stated) if stated == *default => {}
                Some(stated) => breaches
                    .push(format!("{path}: {name} is {default} by default, and its doc says {stated}")),
                None => breaches
                    .push(format!("{path}: {name} is {default} by default, which its doc does not say")),
            }
        }
    }
    breaches
}

/// Returns the fields that are set to something that can be read here: `queue: 1_024,`.
fn defaults(code: &str, constant: impl Fn(&str) -> Option<Value>) -> BTreeMap<&str, Value> {
    let mut defaults = BTreeMap::new();
    for line in code.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
        let inner = line.strip_prefix("Self {").map_or(line, |rest| rest.trim_end_matches([' ', '}']));
        for (name, value) in inner.split(", ").filter_map(|field| field.trim().split_once(": ")) {
            let value = value.trim_end_matches(',');
            if let Some(value) = evaluated(value).or_else(|| constant(value)) {
                defaults.entry(name).or_insert(value);
            }
        }
    }
    defaults
}

/// Returns the names of setters, with their documentation in one line.
fn setters(code: &str) -> Vec<(&str, String)> {
    let lines: Vec<&str> = code.lines().map(str::trim).collect();
    let mut setters = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let declared = line.strip_prefix("pub ").map(|rest| rest.strip_prefix("const ").unwrap_or(rest));
        let Some((name, rest)) = declared.and_then(|rest| rest.strip_prefix("fn ")?.split_once('(')) else {
            continue;
        };
        if !["self, ", "mut self, "].iter().any(|start| rest.starts_with(start)) {
            continue;
        }
        let above = lines[..number].iter().rev().skip_while(|line| line.starts_with("#["));
        let mut docs: Vec<&str> = above.map_while(|line| line.strip_prefix("///")).map(str::trim).collect();
        docs.reverse();
        setters.push((name, docs.join(" ")));
    }
    setters
}

/// Reads "default 30 s", "30 s by default" or "True by default".
fn stated(docs: &str) -> Option<Value> {
    if let Some((before, _)) = docs.split_once(" by default") {
        let mut words = before.rsplit(' ');
        let last = words.next()?;
        return quantity(last, "").or_else(|| quantity(words.next()?, last));
    }
    let (_, after) = docs.split_once("default ").or_else(|| docs.split_once("Default "))?;
    let mut words = after.split(' ');
    let first = words.next()?;
    let ends = first.ends_with([';', '.', ':', ',']);
    quantity(first, if ends { "" } else { words.next().unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(code: &str) -> Vec<String> {
        let most = "pub const MOST: u8 = 5;\n";
        check(&Tree::of(&[("crates/a/src/config.rs", code), ("crates/b/src/bounds/mod.rs", most)]))
    }

    #[test]
    fn defaults_that_differ_or_are_not_said_are_found() {
        let code = [
            "Self {\n    ttl: Duration::from_secs(30),\n    queue: 1_024,\n    most: bounds::MOST,\n}\n",
            "/// Sets.\n///\n/// 1 to 2; default 20 s.\n#[must_use]\npub fn ttl(mut self, ttl: Duration) -> Self {\n",
            "/// Sets.\npub const fn queue(self, queue: u8) -> Self {\n",
            "/// 4 by default.\npub fn most(self, most: u8) -> Self {\n",
        ];
        assert_eq!(
            breaches(&code.join("\n")),
            [
                "crates/a/src/config.rs: ttl is 30000 ms by default, and its doc says 20000 ms",
                "crates/a/src/config.rs: queue is 1024 by default, which its doc does not say",
                "crates/a/src/config.rs: most is 5 by default, and its doc says 4",
            ]
        );
    }

    #[test]
    fn the_same_in_words_is_the_same() {
        for (code, words) in [
            ("64 * 1024", "65,536 by default, at least 1."),
            ("64 * 1024", "At least 1 KiB; default 64 KiB: more is better."),
            ("1 << 22", "1 to 2^26; default 2^22, 108 bytes each."),
            ("Duration::from_secs(24 * 60 * 60)", "24 h by default."),
            ("Duration::ZERO", "0 to 1 s; default 0: it goes at once."),
            ("Duration::from_millis(8)", "Default 8 ms, 1 ms up to more."),
            ("true", "True by default. A program turns it off."),
            ("0.5", "0.25 to 0.95; default 0.5. More is later."),
        ] {
            assert_eq!(evaluated(code), stated(words), "{code}: {words}");
        }
        assert_eq!(stated("default `tidings`. One for each"), None);
    }
}
