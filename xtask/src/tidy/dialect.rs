//! That public interfaces keep the rules of docs/dialect.md which text can show.

use super::interface::{code, is_interface};
use super::public_type::PublicType;
use super::tree::Tree;

/// Handles of a backend, which is started first and given to them.
const HANDLES: [&str; 2] = ["Presence", "Rooms"];

pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut breaches = Vec::new();
    for (path, text) in tree.ending(".rs") {
        if !is_interface(path) {
            continue;
        }
        let lines: Vec<&str> = code(text).lines().collect();
        for (number, line) in lines.iter().enumerate() {
            if let Some(wrong) = wrong(&lines, number) {
                breaches.push(format!("{path}:{}: {wrong}: {}", number + 1, line.trim()));
            }
        }
    }
    for offered in PublicType::of_all(tree) {
        if let Some(wrong) = wrong_methods(&offered) {
            breaches.push(format!("{}: {wrong}: {}", offered.path, offered.name));
        }
    }
    breaches
}

/// What is wrong with the methods of a type.
fn wrong_methods(offered: &PublicType) -> Option<&'static str> {
    let (begins, ends) = (offered.makes("start"), offered.has("shutdown"));
    if offered.implements("Stream") && !offered.has_own("next") {
        Some("a stream has a next of its own")
    } else if begins && !ends && !offered.has("close") {
        Some("what begins with start ends with shutdown or close")
    } else if ends && !begins && !HANDLES.contains(&offered.name.as_str()) {
        Some("what ends with shutdown begins with start")
    } else {
        None
    }
}

/// What is wrong with a line.
fn wrong(lines: &[&str], number: usize) -> Option<&'static str> {
    let line = lines[number].trim_start();
    if let Some(name) = configuration(line) {
        return if has_public_field(&lines[number + 1..]) {
            Some("a configuration has setters in place of public fields")
        } else if !has_beginning(name, lines, number) {
            Some("a configuration begins with new or with its default")
        } else {
            None
        };
    }
    let declared = line.strip_prefix("pub ")?;
    let (is_async, declared) = match declared.strip_prefix("async ") {
        Some(rest) => (true, rest),
        None => (false, declared),
    };
    let (name, rest) = declared.strip_prefix("fn ")?.split_once('(')?;
    let head = head(rest, &lines[number + 1..]);
    match name {
        "close" if is_async => Some("what owns tasks ends with shutdown(grace) -> bool"),
        "shutdown" if !head.contains("grace: Duration") || !head.ends_with("-> bool") => {
            Some("shutdown takes the grace time and says whether all ended in it")
        }
        "start" if head.contains("onfig: &") => Some("start takes its configuration by value"),
        // After the receiver, if there is one.
        _ if after_receiver(&head).contains(", config:") || head.contains(",config:") => {
            Some("the configuration is the first argument")
        }
        _ if head.starts_with("mut self") && head.ends_with("-> Self") && !is_must_use(&lines[..number]) => {
            Some("a setter is #[must_use]")
        }
        _ => None,
    }
}

/// Returns the parameters behind the receiver, if there is one.
fn after_receiver(head: &str) -> &str {
    ["&self, ", "self, "].into_iter().find_map(|receiver| head.strip_prefix(receiver)).unwrap_or(head)
}

/// Returns the name of the configuration whose definition a line begins.
fn configuration(line: &str) -> Option<&str> {
    let name = line.strip_prefix("pub struct ")?.strip_suffix(" {")?;
    (name.ends_with("Config") || matches!(name, "Hooks" | "Batching")).then_some(name)
}

/// Whether the file of a configuration says how it begins: with `new`, or with a default.
fn has_beginning(name: &str, lines: &[&str], number: usize) -> bool {
    let default = format!("impl Default for {name} {{");
    let mut attributes = lines[..number].iter().rev().take_while(|line| line.starts_with("#["));
    attributes.any(|line| line.starts_with("#[derive(") && line.contains("Default"))
        || lines.iter().any(|line| *line == default || line.starts_with("    pub fn new("))
}

fn has_public_field(body: &[&str]) -> bool {
    body.iter().take_while(|line| **line != "}").any(|line| line.starts_with("    pub "))
}

/// Returns the parameters and the result of a function, without what follows.
fn head(first: &str, more: &[&str]) -> String {
    let mut head = first.trim().to_owned();
    for line in more {
        if head.ends_with('{') || head.ends_with(';') {
            break;
        }
        head.push_str(line.trim());
    }
    head.split(['{', ';'])
        .next()
        .unwrap_or_default()
        .split(" where")
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// Whether the attributes above a function have `must_use`.
fn is_must_use(above: &[&str]) -> bool {
    // Attributes stand between the docs and the function, so the first other line ends them.
    let attributes = above.iter().rev().map(|line| line.trim()).take_while(|line| line.starts_with("#["));
    attributes.into_iter().any(|line| line.starts_with("#[must_use"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(code: &str) -> Vec<String> {
        check(&Tree::of(&[("crates/a/src/b.rs", code), ("crates/server/src/b.rs", code)]))
    }

    #[test]
    fn public_fields_of_a_configuration_are_found() {
        let found = breaches("pub struct LinkConfig {\n    pub(crate) a: u8,\n    pub b: u8,\n}\n");
        assert_eq!(
            found,
            [
                "crates/a/src/b.rs:1: a configuration has setters in place of public fields: pub struct LinkConfig {"
            ]
        );
        assert!(
            breaches(
                "#[derive(Default)]\npub struct Config {\n    pub(crate) a: u8,\n}\npub struct B {\n    pub c: u8,\n}\n"
            )
            .is_empty()
        );
    }

    #[test]
    fn a_configuration_that_nobody_can_begin_is_found() {
        let config = "#[derive(Debug)]\npub struct Config {\n    a: u8,\n}\n";
        assert_eq!(
            breaches(config),
            ["crates/a/src/b.rs:2: a configuration begins with new or with its default: pub struct Config {"]
        );
        for beginning in [
            "impl Config {\n    pub fn new(a: u8) -> Self {\n        Self { a }\n    }\n}\n",
            "impl Default for Config {\n    fn default() -> Self {\n        Self { a: 1 }\n    }\n}\n",
        ] {
            assert_eq!(breaches(&format!("{config}\n{beginning}")), [""; 0], "{beginning}");
        }
    }

    #[test]
    fn setters_starts_and_ends_of_another_shape_are_found() {
        for code in [
            "    pub fn ttl(mut self, ttl: Duration) -> Self {\n",
            "    pub async fn close(&self) {\n",
            "    pub async fn shutdown(&self) -> bool {\n",
            "    pub async fn shutdown(&self, grace: Duration) {\n",
            "    pub fn start(\n        config: &Config,\n    ) -> Result<Self> {\n",
            "    pub fn start(\n        store: S,\n        config: Config,\n    ) -> Result<Self> {\n",
        ] {
            assert_eq!(breaches(code).len(), 1, "{code}");
        }
        for code in [
            "    #[must_use]\n    pub fn ttl(mut self, ttl: Duration) -> Self {\n",
            "    pub fn close(&self) {\n",
            "    pub async fn shutdown(&self, grace: Duration) -> bool {\n",
            "    pub fn start(config: Config) -> Result<Self> {\n",
            "    pub(crate) fn ttl(mut self) -> Self {\n",
        ] {
            assert_eq!(breaches(code), [""; 0], "{code}");
        }
    }

    /// Returns what is found of a type with these blocks.
    fn breaches_of_type(blocks: &[(&str, &str)]) -> Vec<String> {
        let blocks = blocks.iter().map(|(head, method)| format!("{head} {{\n    {method} {{}}\n}}\n"));
        breaches(&format!("pub struct A;\n{}", blocks.collect::<String>()))
    }

    const STREAM: (&str, &str) = ("impl Stream for A", "fn poll_next(self: Pin<&mut Self>)");
    const START: (&str, &str) = ("impl A", "pub fn start(config: Config) -> Self");

    #[test]
    fn streams_without_a_next_of_their_own_are_found() {
        assert_eq!(breaches_of_type(&[STREAM]), ["crates/a/src/b.rs: a stream has a next of its own: A"]);
        // One that needs a trait in scope is none.
        assert_eq!(breaches_of_type(&[STREAM, ("impl Next for A", "fn next(&mut self)")]).len(), 1);
        assert_eq!(breaches_of_type(&[STREAM, ("impl A", "pub async fn next(&mut self)")]), [""; 0]);
    }

    #[test]
    fn beginnings_without_an_end_and_ends_without_a_beginning_are_found() {
        let shutdown = "async fn shutdown(&self, grace: Duration) -> bool";
        let public = format!("pub {shutdown}");
        let wrong = "crates/a/src/b.rs: what begins with start ends with shutdown or close: A";
        assert_eq!(breaches_of_type(&[START]), [wrong]);
        let wrong = "crates/a/src/b.rs: what ends with shutdown begins with start: A";
        assert_eq!(breaches_of_type(&[("impl A", &*public)]), [wrong]);
        // A method `start` that takes `self` tells where something starts, and starts nothing.
        let accessor = ("impl A", "pub fn start(&self) -> u64");
        assert_eq!(breaches_of_type(&[accessor, ("impl A", &*public)]), [wrong]);
        for end in [("impl A", &*public), ("impl Backend for A", shutdown), ("impl A", "pub fn close(&self)")]
        {
            assert_eq!(breaches_of_type(&[START, end]), [""; 0], "{end:?}");
        }
        assert_eq!(breaches_of_type(&[accessor]), [""; 0]);
    }
}
