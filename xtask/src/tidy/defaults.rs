//! That the doc of a setter says the default and the bounds that the code has.
//!
//! The default of a setting is what its field is set to. Its bounds are the constant of its name:
//! `QUEUE_BOUNDS` for `queue`; times that share theirs have one `TIME_BOUNDS`. Bounds that another
//! setting decides are left to words.

use std::collections::BTreeMap;
use std::fmt;

use super::interface::{code, is_interface};
use super::tree::Tree;
use super::value::{Value, constant, evaluated, quantity};

pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut breaches = Vec::new();
    for (path, text) in tree.ending(".rs").filter(|(path, _)| is_interface(path)) {
        let defaults = defaults(tree, path, code(text));
        for (setter, docs) in setters(code(text)) {
            let default = defaults.get(setter).copied();
            let wrong = [wrong_default(default, &docs), wrong_bounds(tree, path, setter, default, &docs)];
            breaches.extend(wrong.into_iter().flatten().map(|wrong| format!("{path}: {setter} {wrong}")));
        }
    }
    breaches
}

fn wrong_default(default: Option<Value>, docs: &str) -> Option<String> {
    let default = default?;
    match stated_default(docs) {
        Some(stated) if stated == default => None,
        Some(stated) => Some(format!("is {default} by default, and its doc says {stated}")),
        None => Some(format!("is {default} by default, which its doc does not say")),
    }
}

fn wrong_bounds(tree: &Tree, path: &str, setter: &str, default: Option<Value>, docs: &str) -> Option<String> {
    let name = format!("{}_BOUNDS", setter.to_uppercase());
    // A constant of the setting's own name counts before the one that several times share.
    let bounds = Bounds::of_constant(tree, path, &name).or_else(|| match default {
        Some(Value::Milliseconds(_)) => Bounds::of_constant(tree, path, "TIME_BOUNDS"),
        _ => None,
    });
    // Other functions that take and return themselves may speak of any numbers.
    if bounds.is_none() && !matches!(default, Some(Value::Number(_) | Value::Milliseconds(_))) {
        return None;
    }
    match (bounds, Bounds::stated(docs)) {
        (Some(bounds), Some(stated)) if bounds == stated => None,
        (Some(bounds), Some(stated)) => Some(format!("is {bounds}, and its doc says {stated}")),
        (Some(bounds), None) => Some(format!("is {bounds}, which its doc does not say")),
        (None, Some(stated)) => Some(format!("is {stated} by its doc, and no constant {name} says so")),
        (None, None) => None,
    }
}

/// Between what a setting is; one that may be as large as it likes has no `most`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bounds {
    least: Value,
    most: Option<Value>,
}

impl Bounds {
    /// Reads `1..=1 << 24`, `64..`, and the name of a constant that is one of these.
    fn of_constant(tree: &Tree, path: &str, name: &str) -> Option<Self> {
        let (path, expression) = constant(tree, path, name)?;
        let Some((least, most)) = expression.split_once("..") else {
            return Self::of_constant(tree, path, expression);
        };
        let most = match most.strip_prefix('=') {
            Some(most) => Some(evaluated(tree, path, most)?),
            None => None,
        };
        Some(Self { least: evaluated(tree, path, least)?, most })
    }

    /// Reads "1 ms to 24 h" and "at least 64 KiB".
    fn stated(docs: &str) -> Option<Self> {
        let words: Vec<&str> = docs.split_whitespace().collect();
        let range = |(at, word): (usize, &&str)| {
            if *word != "to" {
                return None;
            }
            Some(Self { least: last(&words[..at])?, most: Some(first(&words[at + 1..])?) })
        };
        words.iter().enumerate().find_map(range).or_else(|| {
            let at = words.windows(2).position(|pair| *pair == ["at", "least"])?;
            Some(Self { least: first(&words[at + 2..])?, most: None })
        })
    }
}

impl fmt::Display for Bounds {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.most {
            Some(most) => write!(out, "{} to {most}", self.least),
            None => write!(out, "at least {}", self.least),
        }
    }
}

/// Returns the fields that are set to something that can be read here: `queue: 1_024,`.
fn defaults<'c>(tree: &Tree, path: &str, code: &'c str) -> BTreeMap<&'c str, Value> {
    let mut defaults = BTreeMap::new();
    for line in code.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
        let inner = line.strip_prefix("Self {").map_or(line, |rest| rest.trim_end_matches([' ', '}']));
        for (name, value) in inner.split(", ").filter_map(|field| field.trim().split_once(": ")) {
            if let Some(value) = evaluated(tree, path, value.trim_end_matches(',')) {
                // The first value in a file counts: further down, fields are set to other things.
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
fn stated_default(docs: &str) -> Option<Value> {
    if let Some((before, _)) = docs.split_once(" by default") {
        return last(&before.split_whitespace().collect::<Vec<_>>());
    }
    let (_, after) = docs.split_once("default ").or_else(|| docs.split_once("Default "))?;
    first(&after.split_whitespace().collect::<Vec<_>>())
}

/// Reads what some words end with: `… 30 s`.
fn last(words: &[&str]) -> Option<Value> {
    let (last, before) = words.split_last()?;
    quantity(last, "").or_else(|| quantity(before.last()?, last))
}

/// Reads what some words begin with: `30 s …`. An amount that ends a clause has no unit.
fn first(words: &[&str]) -> Option<Value> {
    let (first, after) = words.split_first()?;
    let unit = if first.ends_with([';', '.', ':', ',']) { None } else { after.first() };
    quantity(first, unit.copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(code: &str) -> Vec<String> {
        let most = "pub const MOST: u8 = 5;\npub const SHARED: RangeInclusive<u8> = 1..=MOST;\n";
        check(&Tree::of(&[("crates/a/src/config.rs", code), ("crates/b/src/bounds/mod.rs", most)]))
    }

    #[test]
    fn defaults_that_differ_or_are_not_said_are_found() {
        let code = [
            "Self {\n    ttl: Duration::from_secs(30),\n    queue: 1_024,\n    most: bounds::MOST,\n}\n",
            "/// Sets.\n///\n/// Any time; default 20 s.\n#[must_use]\npub fn ttl(mut self, ttl: Duration) -> Self {\n",
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
    fn bounds_that_differ_or_are_said_by_one_alone_are_found() {
        let code = [
            "const QUEUE_BOUNDS: RangeInclusive<u8> = bounds::SHARED;\n",
            "pub const TIME_BOUNDS: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(60);\n",
            "const BYTES_BOUNDS: RangeFrom<usize> = 64..;\n",
            "Self { queue: 2, ttl: Duration::from_secs(30), bytes: 100, names: 3, rest: 1 }\n",
            "/// 1 to 4; default 2.\npub fn queue(self, queue: u8) -> Self {\n",
            "/// 30 s by default, 0 to 2 min.\npub fn ttl(self, ttl: Duration) -> Self {\n",
            "/// 100 by default.\npub fn bytes(self, bytes: usize) -> Self {\n",
            "/// 3 by default, at least 2.\npub fn names(self, names: usize) -> Self {\n",
            "/// 1 by default, at least twice `queue`.\npub fn rest(self, rest: usize) -> Self {\n",
            "/// Takes 1 to 9 more.\npub fn more(self, more: usize) -> Self {\n",
        ];
        assert_eq!(
            breaches(&code.join("\n")),
            [
                "crates/a/src/config.rs: queue is 1 to 5, and its doc says 1 to 4",
                "crates/a/src/config.rs: ttl is 0 ms to 60000 ms, and its doc says 0 to 120000 ms",
                "crates/a/src/config.rs: bytes is at least 64, which its doc does not say",
                "crates/a/src/config.rs: names is at least 2 by its doc, and no constant NAMES_BOUNDS says so",
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
            assert_eq!(evaluated(&Tree::default(), "", code), stated_default(words), "{code}: {words}");
        }
        assert_eq!(stated_default("default `tidings`. One for each"), None);
    }

    #[test]
    fn the_same_bounds_in_words_are_the_same() {
        for (code, words) in [
            ("1..=1 << 26", "Gives more to all. 1 to 2^26; default 2^22, 108 bytes each."),
            ("0.25..=0.95", "0.25 to 0.95; default 0.5, spread over 0.8 to 1.2 of that."),
            ("Duration::from_millis(1)..=Duration::from_secs(600)", "Default 5 s, 1 ms to 10 min."),
            ("Duration::ZERO..=Duration::from_secs(24 * 60 * 60)", "0 to 1 days; default 0."),
            ("64..=1 << 32", "Default 512 MiB, which is what Redis allows; 64 bytes to 4 GiB."),
            ("5 * 512 * 1024..", "64 MiB by default, at least 2.5 MiB. They are those of all."),
        ] {
            let constant = format!("const A_BOUNDS: Bounds =\n    {code};\n");
            let tree = Tree::of(&[("a.rs", &constant)]);
            assert_eq!(Bounds::of_constant(&tree, "a.rs", "A_BOUNDS"), Bounds::stated(words), "{words}");
            assert!(Bounds::stated(words).is_some(), "{words}");
        }
    }
}
