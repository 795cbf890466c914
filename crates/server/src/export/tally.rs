//! How many lines came, and whether the last one is the end.

use std::{fmt, mem};

use anyhow::{bail, ensure};
use serde::Deserialize;

/// How many lines came, in pieces of any size.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) bytes: u64,
    pub(crate) lines: u64,
    /// The beginning of the line that is not whole yet.
    begun: Vec<u8>,
    /// The beginning of the last whole line.
    last: Vec<u8>,
}

/// The last line of an export.
#[derive(Debug, Deserialize)]
struct EndLine {
    #[serde(rename = "type")]
    kind: String,
    lines: u64,
}

/// As much of a line is kept as the last one has.
const KEPT_BYTES: usize = 128;

impl Tally {
    pub(crate) fn add(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            let room = KEPT_BYTES.saturating_sub(self.begun.len()).min(part.len());
            self.begun.extend_from_slice(part.get(..room).unwrap_or_default());
            if part.ends_with(b"\n") {
                self.lines += 1;
                self.last = mem::take(&mut self.begun);
            }
        }
    }

    /// Fails unless the last line is that of the end, and says so many lines as there were.
    pub(crate) fn check_end(&self) -> anyhow::Result<()> {
        let end = serde_json::from_slice::<EndLine>(&self.last).ok().filter(|end| end.kind == "end");
        let Some(end) = end.filter(|_| self.begun.is_empty()) else {
            bail!("the export was cut short, as its last line is missing; run this again")
        };
        ensure!(
            end.lines.checked_add(1) == Some(self.lines),
            "the export has {} lines, and its last one says that {} are before it; begin it anew",
            self.lines,
            end.lines
        );
        Ok(())
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes, {} lines", self.bytes, self.lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(pieces: &[&str]) -> Tally {
        let mut tally = Tally::default();
        pieces.iter().for_each(|piece| tally.add(piece.as_bytes()));
        tally
    }

    #[test]
    fn an_export_is_whole_with_its_last_line_and_all_before_it() {
        let long = format!("{{\"type\":\"entry\",\"message\":\"{}\"}}\n", "x".repeat(1_000));
        let whole = tally(&["{\"type\":\"store\"}\n", &long, "{\"type\":\"en", "d\",\"lines\":2}\n"]);
        assert_eq!(whole.lines, 3);
        assert!(whole.check_end().is_ok());
        for cut in [
            &[][..],
            &["{\"type\":\"store\"}\n"],
            &["{\"type\":\"store\"}\n", "{\"type\":\"end\",\"lines\":1}"],
            &["{\"type\":\"store\"}\n", "{\"type\":\"end\",\"lines\":2}\n"],
            &["{\"type\":\"store\"}\n", "{\"type\":\"end\",\"lines\":1}\n", "{"],
        ] {
            assert!(tally(cut).check_end().is_err(), "{cut:?}");
        }
    }
}
