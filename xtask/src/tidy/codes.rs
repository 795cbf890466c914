//! The hub's close codes: the catalogue and the ranges in the source, in the documentation and in
//! the page.

use std::collections::BTreeMap;

use super::tree::Tree;

const SOURCE: &str = "crates/conductor-hub/src/disconnect.rs";
const TABLE: &str = "docs/close-codes.md";

/// Has what clients do about each code.
const RANGES: &str = "crates/conductor-protocol/src/reconnect.rs";

/// Has what the page does about each code.
const PAGE: &str = "crates/server/assets/reconnect.js";

/// With this a server answers the close of a client, which knows by itself whether it comes back.
const NORMAL: u16 = 1000;

/// The codes that a close frame may carry.
const CODES: std::ops::RangeInclusive<u16> = 1000..=4999;

/// Text and whether to reconnect, by code.
type Codes = BTreeMap<u16, (String, Again)>;

/// What is done about codes, from the first to the last; of several rows the first counts.
type Row = (u16, u16, Again);

/// Whether a client comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Again {
    Never,
    AtOnce,
    Backoff,
}

impl Again {
    /// Reads it in the words of the source, of the documentation or of the page.
    fn read(word: &str) -> Option<Self> {
        match word.trim() {
            "Never" | "no" | "never" => Some(Self::Never),
            "AtOnce" | "at once" | "at-once" => Some(Self::AtOnce),
            "Backoff" | "with backoff" | "backoff" => Some(Self::Backoff),
            _ => None,
        }
    }
}

pub(super) fn check(tree: &Tree) -> Vec<String> {
    let (Some(source), Some(table)) = (tree.text(SOURCE), tree.text(TABLE)) else {
        return vec![format!("{SOURCE} or {TABLE} is missing")];
    };
    let (source, rows) = (catalogue(source), rows(table));
    if source.is_empty() {
        return vec![format!("{SOURCE}: no codes found; has its shape changed?")];
    }
    let codes = source.keys().chain(rows.keys().filter(|code| !source.contains_key(code)));
    let differ = codes
        .filter(|code| source.get(code) != rows.get(code))
        .map(|code| format!("{TABLE}: {code} is {:?}, in {SOURCE} {:?}", rows.get(code), source.get(code)));
    let mut breaches: Vec<String> = differ.collect();
    // A row of the catalogue counts before the range that it is in.
    let single = rows.iter().map(|(code, (_, again))| (*code, *code, *again));
    let documented: Vec<Row> = single.chain(ranges_of_table(table)).collect();
    breaches.extend(tree.text(RANGES).and_then(|text| other(&documented, RANGES, &ranges_of_source(text))));
    breaches.extend(tree.text(PAGE).and_then(|text| other(&documented, PAGE, &ranges_of_page(text))));
    breaches
}

/// Says which is the first code about which a file says something else than the documentation.
fn other(documented: &[Row], path: &str, rows: &[Row]) -> Option<String> {
    let excepted = |code: &u16| path == PAGE && *code == NORMAL;
    let mut codes = CODES.filter(|code| !excepted(code));
    let code = codes.find(|code| decided(documented, *code) != decided(rows, *code))?;
    let (told, found) = (decided(documented, code), decided(rows, code));
    Some(format!("{path}: {code} is {found:?}, in {TABLE} {told:?}"))
}

fn decided(rows: &[Row], code: u16) -> Option<Again> {
    rows.iter().find(|(first, last, _)| (*first..=*last).contains(&code)).map(|(_, _, again)| *again)
}

/// Reads the rows `Name = 4000, "text", reconnect: Backoff;`.
fn catalogue(source: &str) -> Codes {
    let row = |line: &str| {
        let (_, row) = line.trim().strip_suffix(';')?.split_once(" = ")?;
        let (code, row) = row.split_once(", \"")?;
        let (text, reconnect) = row.split_once("\", reconnect: ")?;
        Some((code.parse().ok()?, (text.to_owned(), Again::read(reconnect)?)))
    };
    source.lines().filter_map(row).collect()
}

/// Reads the rows `| 4000 | text | with backoff | … |`.
fn rows(table: &str) -> Codes {
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim().strip_prefix('|')?.split('|').map(str::trim).collect();
        let [code, text, reconnect, ..] = *cells.as_slice() else { return None };
        Some((code.parse().ok()?, (text.to_owned(), Again::read(reconnect)?)))
    };
    table.lines().filter_map(row).collect()
}

/// Reads the rows `| 4100 to 4199 | with backoff | … |`.
fn ranges_of_table(table: &str) -> Vec<Row> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.trim().strip_prefix('|')?.split('|').map(str::trim).collect();
        let [codes, reconnect, ..] = *cells.as_slice() else { return None };
        let (first, last) = codes.split_once(" to ")?;
        Some((first.parse().ok()?, last.parse().ok()?, Again::read(reconnect)?))
    };
    table.lines().filter_map(row).collect()
}

/// Reads the rows `1000 | 4100..=4199 => Self::Backoff,`.
fn ranges_of_source(source: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for line in source.lines() {
        let Some((codes, again)) = line.trim().trim_end_matches(',').split_once(" => Self::") else {
            continue;
        };
        let Some(again) = Again::read(again) else { continue };
        rows.extend(codes.split('|').filter_map(|part| {
            let (first, last) = match part.trim() {
                "_" => (0, u16::MAX),
                part => {
                    let (first, last) = part.split_once("..=").unwrap_or((part, part));
                    (first.parse().ok()?, last.parse().ok()?)
                }
            };
            Some((first, last, again))
        }));
    }
    rows
}

/// Reads the rows `[4100, 4199, "backoff"],`.
fn ranges_of_page(page: &str) -> Vec<Row> {
    let row = |line: &str| {
        let row = line.trim().trim_end_matches(',').strip_prefix('[')?.strip_suffix(']')?;
        let parts: Vec<&str> = row.split(',').map(str::trim).collect();
        let [first, last, again] = *parts.as_slice() else { return None };
        Some((first.parse().ok()?, last.parse().ok()?, Again::read(again.trim_matches('"'))?))
    };
    page.lines().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CATALOGUE: &str = "    /// Gone.\n    Gone = 1000, \"gone\", reconnect: Never;\n    Slow = 4000, \"slow\", reconnect: Backoff;\n}\nlet a = 1;\n";
    const ROWS: &str =
        "| code | text | reconnect |\n|---|\n| 1000 | gone | no | x |\n| 4000 | slow | with backoff | x |\n";
    const DOCUMENTED: &str = "| 0 to 4099 | no | x |\n| 4100 to 4199 | at once | x |\n";

    fn breaches(table: &str) -> Vec<String> {
        check(&Tree::of(&[(SOURCE, CATALOGUE), (TABLE, table)]))
    }

    #[test]
    fn a_table_that_agrees_is_fine() {
        assert_eq!(breaches(ROWS), [""; 0]);
    }

    #[test]
    fn a_missing_an_other_and_an_extra_row_are_found() {
        assert_eq!(breaches("| 1000 | gone | with backoff |\n| 4009 | new | no |").len(), 3);
    }

    #[test]
    fn ranges_of_the_source_and_of_the_page_are_compared_code_by_code() {
        let table = format!("{ROWS}{DOCUMENTED}");
        let source =
            "    4000 => Self::Backoff,\n    0..=4099 => Self::Never,\n    4100..=4199 => Self::AtOnce,\n";
        let page = "  [4000, 4000, \"backoff\"],\n  [0, 4099, \"never\"],\n  [4100, 4199, \"at-once\"],\n";
        let of = |source: &str, page: &str| {
            check(&Tree::of(&[(SOURCE, CATALOGUE), (TABLE, &table), (RANGES, source), (PAGE, page)]))
        };
        assert_eq!(of(source, page), [""; 0]);
        assert_eq!(
            of(&source.replace("4199", "4198"), &page.replace("4099", "4090")),
            [
                format!("{RANGES}: 4199 is None, in {TABLE} Some(AtOnce)"),
                format!("{PAGE}: 4091 is None, in {TABLE} Some(Never)"),
            ]
        );
    }
}
