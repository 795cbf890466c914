//! Metrics: each that a crate counts stands in the documentation, and no other does.

use std::collections::{BTreeMap, BTreeSet};

use super::interface::code;
use super::tree::Tree;

/// What names begin with, and the page that says what is counted and when to worry.
const FAMILIES: &[(&str, &str)] = &[
    ("hub_", "docs/server.md"),
    ("mpx_", "docs/server.md"),
    ("presence_mongo_", "crates/presence-mongo/README.md"),
    ("tidings_", "docs/server.md"),
    ("timeline_", "docs/server.md"),
];

/// How a metric is described or reached, `describe_counter!(` among them.
const MACROS: &[&str] = &["counter!(", "gauge!(", "histogram!("];

pub(super) fn check(tree: &Tree) -> Vec<String> {
    let counted = counted(tree);
    let mut breaches = Vec::new();
    for (name, path) in &counted {
        match FAMILIES.iter().find(|(start, _)| name.starts_with(start)) {
            None => breaches
                .push(format!("{path}: the metric {name} begins as no other; see xtask/src/tidy/metrics.rs")),
            Some((_, page)) if !words(tree.text(page).unwrap_or_default()).contains(name) => {
                breaches.push(format!("{path}: the metric {name} is not in {page}"));
            }
            Some(_) => {}
        }
    }
    let pages: BTreeSet<&str> = FAMILIES.iter().map(|(_, page)| *page).collect();
    for page in pages {
        let named = named(tree.text(page).unwrap_or_default()).into_iter();
        let unknown = named.filter(|name| family(name) && !counted.contains_key(name));
        breaches.extend(unknown.map(|name| format!("{page}: no crate counts {name}")));
    }
    breaches
}

fn family(name: &str) -> bool {
    FAMILIES.iter().any(|(start, _)| name.starts_with(start))
}

/// Returns the names that crates describe or count, each with a file that does.
fn counted(tree: &Tree) -> BTreeMap<&str, &str> {
    let mut counted = BTreeMap::new();
    for (path, text) in tree.ending(".rs").filter(|(path, _)| is_counting(path)) {
        let code = code(text);
        let behind = MACROS.iter().flat_map(|call| code.split(call).skip(1));
        let direct = behind.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
        counted.extend(direct.map(|name| (name, path)));
        // A name may also be given to a function of the same file, or to a variable.
        if MACROS.iter().any(|call| code.contains(call)) {
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            let literals = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
            counted.extend(literals.filter(|name| is_name(name) && family(name)).map(|name| (name, path)));
        }
    }
    counted
}

/// Whether what a file counts is a crate's own, and not that of a test.
fn is_counting(path: &str) -> bool {
    path.strip_prefix("crates/").and_then(|path| path.split_once("/src/")).is_some_and(|(name, file)| {
        name != "test-support" && !file.ends_with("tests.rs") && !file.contains("tests/")
    })
}

/// Returns what the first cells of tables name between backticks.
fn named(page: &str) -> BTreeSet<&str> {
    let cells = page.lines().filter_map(|line| line.strip_prefix('|')?.split('|').next());
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).filter(|name| is_name(name)).collect()
}

fn words(page: &str) -> BTreeSet<&str> {
    page.split(|letter: char| !is_of_name(letter)).collect()
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_of_name)
}

fn is_of_name(letter: char) -> bool {
    letter == '_' || letter.is_ascii_lowercase() || letter.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "docs/server.md";
    const SOURCE: &str = "crates/conductor-hub/src/metrics.rs";

    fn breaches(code: &str, page: &str) -> Vec<String> {
        check(&Tree::of(&[(SOURCE, code), (PAGE, page)]))
    }

    #[test]
    fn a_metric_that_the_page_names_is_fine() {
        let code =
            "describe_counter!(\n    \"hub_a_total\",\n    \"What.\"\n);\ngauge!(\"hub_b\", \"of\" => of);\n";
        assert_eq!(breaches(code, "| **`hub_a_total`**, `hub_b` | what |\n"), [""; 0]);
        assert_eq!(breaches(code, "Text names `hub_a_total`, and `hub_b{of=\"x\"}` too.\n"), [""; 0]);
    }

    #[test]
    fn a_metric_that_the_page_lacks_is_found_also_if_a_longer_one_is_there() {
        let code = "counter!(\"hub_a_total\").increment(1);\n";
        let missing = format!("{SOURCE}: the metric hub_a_total is not in {PAGE}");
        assert_eq!(breaches(code, "| `tidings_hub_a_total` | what |\n")[0], missing);
        assert_eq!(breaches(code, ""), [missing]);
    }

    #[test]
    fn a_name_that_is_handed_on_is_found_and_one_of_a_comment_or_a_test_is_not() {
        let handed_on = "let name = \"hub_c\";\n// not \"hub_d\"\ngauge!(name).set(1.0);\n";
        let code = format!("{handed_on}#[cfg(test)]\nmod tests {{ counter!(\"hub_e\"); }}\n");
        assert_eq!(breaches(&code, ""), [format!("{SOURCE}: the metric hub_c is not in {PAGE}")]);
    }

    #[test]
    fn a_row_without_a_metric_and_a_metric_of_no_family_are_found() {
        let gone = format!("{PAGE}: no crate counts hub_gone_total");
        assert_eq!(breaches("", "| `hub_gone_total`, `body-bytes` | what |\n"), [gone]);
        let other = "histogram!(\"other_seconds\")";
        let begins = "the metric other_seconds begins as no other; see xtask/src/tidy/metrics.rs";
        assert_eq!(breaches(other, ""), [format!("{SOURCE}: {begins}")]);
    }
}
