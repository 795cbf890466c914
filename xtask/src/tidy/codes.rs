//! The hub's close codes: the catalogue in the source against the table in the documentation.

use std::collections::BTreeMap;

use super::tree::Tree;

const SOURCE: &str = "crates/conductor-hub/src/disconnect.rs";
const TABLE: &str = "docs/close-codes.md";

/// Has the codes after which the page does not come back by itself.
const PAGE: &str = "crates/server/assets/connection.js";

/// With this a server answers the close of a client, which knows by itself whether it comes back.
const NORMAL: u16 = 1000;

/// Text and whether to reconnect, by code.
type Codes = BTreeMap<u16, (String, bool)>;

pub(super) fn check(tree: &Tree) -> Vec<String> {
    let (Some(source), Some(table)) = (tree.text(SOURCE), tree.text(TABLE)) else {
        return vec![format!("{SOURCE} or {TABLE} is missing")];
    };
    let (source, table) = (catalogue(source), rows(table));
    if source.is_empty() {
        return vec![format!("{SOURCE}: no codes found; has its shape changed?")];
    }
    let mut breaches = Vec::new();
    if let Some(page) = tree.text(PAGE) {
        let told: Vec<u16> = table
            .iter()
            .filter(|(code, (_, again))| !again && **code != NORMAL)
            .map(|(code, _)| *code)
            .collect();
        if final_codes(page) != told {
            breaches.push(format!("{PAGE}: FINAL_CODES is {:?}, in {TABLE} {told:?}", final_codes(page)));
        }
    }
    let codes = source.keys().chain(table.keys().filter(|code| !source.contains_key(code)));
    let differ = codes
        .filter(|code| source.get(code) != table.get(code))
        .map(|code| format!("{TABLE}: {code} is {:?}, in {SOURCE} {:?}", table.get(code), source.get(code)));
    breaches.extend(differ);
    breaches
}

/// Reads `FINAL_CODES = new Set([1002, 1007])`.
fn final_codes(page: &str) -> Vec<u16> {
    let list = page.split_once("FINAL_CODES = new Set([").and_then(|(_, rest)| rest.split_once("])"));
    list.map_or("", |(list, _)| list).split(',').filter_map(|code| code.trim().parse().ok()).collect()
}

/// Reads the rows `Name = 4000, "text", reconnect: true;`.
fn catalogue(source: &str) -> Codes {
    let row = |line: &str| {
        let (_, row) = line.trim().strip_suffix(';')?.split_once(" = ")?;
        let (code, row) = row.split_once(", \"")?;
        let (text, reconnect) = row.split_once("\", reconnect: ")?;
        Some((code.parse().ok()?, (text.to_owned(), reconnect == "true")))
    };
    source.lines().filter_map(row).collect()
}

/// Reads the rows `| 4000 | text | yes | … |`.
fn rows(table: &str) -> Codes {
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim().strip_prefix('|')?.split('|').map(str::trim).collect();
        let [code, text, reconnect, ..] = *cells.as_slice() else { return None };
        Some((code.parse().ok()?, (text.to_owned(), reconnect == "yes")))
    };
    table.lines().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CATALOGUE: &str = "    /// Gone.\n    Gone = 1000, \"gone\", reconnect: false;\n    Slow = 4000, \"slow\", reconnect: true;\n}\nlet a = 1;\n";

    fn breaches(table: &str) -> Vec<String> {
        check(&Tree::of(&[(SOURCE, CATALOGUE), (TABLE, table)]))
    }

    #[test]
    fn a_table_that_agrees_is_fine() {
        assert!(
            breaches(
                "| code | text | reconnect |\n|---|\n| 1000 | gone | no | x |\n| 4000 | slow | yes | x |"
            )
            .is_empty()
        );
    }

    #[test]
    fn a_missing_an_other_and_an_extra_row_are_found() {
        assert_eq!(breaches("| 1000 | gone | yes |\n| 4009 | new | no |").len(), 3);
    }
}
