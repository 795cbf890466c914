//! That public interfaces keep the rules of "One dialect" in ARCHITECTURE.md which text can show.

use super::interface::{code, is_interface};
use super::tree::Tree;

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
    breaches
}

/// What is wrong with a line.
fn wrong(lines: &[&str], number: usize) -> Option<&'static str> {
    let line = lines[number].trim_start();
    if is_configuration(line) && has_public_field(&lines[number + 1..]) {
        return Some("a configuration has setters in place of public fields");
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
        _ if head.contains(",config:") || head.contains(", config:") => {
            Some("the configuration is the first argument")
        }
        _ if head.starts_with("mut self") && head.ends_with("-> Self") && !is_must_use(&lines[..number]) => {
            Some("a setter is #[must_use]")
        }
        _ => None,
    }
}

fn is_configuration(line: &str) -> bool {
    let name = line.strip_prefix("pub struct ").and_then(|rest| rest.strip_suffix(" {"));
    name.is_some_and(|name| name.ends_with("Config") || matches!(name, "Hooks" | "Batching"))
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
            breaches("pub struct Config {\n    pub(crate) a: u8,\n}\npub struct B {\n    pub c: u8,\n}\n")
                .is_empty()
        );
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
}
