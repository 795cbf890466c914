//! Counts what `cargo test` prints.

use std::collections::BTreeMap;
use std::fmt;

/// What became of all tests.
#[derive(Debug, Default)]
pub(super) struct Summary {
    passed: usize,
    failed: Vec<String>,
    ignored: usize,
    /// Which test was skipped, and why.
    skipped: BTreeMap<String, String>,
    /// Something failed that is no test: a crash, or documentation that does not compile.
    broken: bool,
}

impl Summary {
    /// Counts a line, and says whether a reader wants to see it.
    pub(super) fn line(&mut self, line: &str) -> bool {
        let line = line.trim();
        if let Some(test) = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED")) {
            self.failed.push(test.to_owned());
        }
        if let Some(counts) = line.strip_prefix("test result: ") {
            let (passed, ignored) = (count(counts, "passed"), count(counts, "ignored"));
            self.passed += passed;
            self.ignored += ignored;
            return passed > 0 || count(counts, "failed") > 0 || ignored > 0;
        }
        !line.is_empty() && !line.starts_with("running ")
    }

    /// Takes what was noted of skipped tests: `name: reason` on each line. They were counted as
    /// passed.
    pub(super) fn skipped(&mut self, notes: &str) {
        for note in notes.lines() {
            let (test, reason) = note.split_once(": ").unwrap_or((note, ""));
            // A test that was skipped returned early, so its program counted it as passed.
            let new = self.skipped.insert(test.to_owned(), reason.to_owned()).is_none();
            self.passed = self.passed.saturating_sub(usize::from(new));
        }
    }

    /// Takes whether a run ended well.
    pub(super) fn ended(&mut self, well: bool) {
        self.broken |= !well;
    }

    pub(super) fn ran(&self) -> usize {
        self.passed + self.failed.len() + self.skipped.len() + self.ignored + usize::from(self.broken)
    }

    pub(super) fn failed(&self) -> bool {
        self.broken || !self.failed.is_empty()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out)?;
        for (test, reason) in &self.skipped {
            writeln!(out, "skipped: {test}: {reason}")?;
        }
        if self.ignored > 0 {
            writeln!(out, "skipped: {} marked as ignored", self.ignored)?;
        }
        for test in &self.failed {
            writeln!(out, "failed: {test}")?;
        }
        let mut failed = self.failed.len();
        if self.broken && failed == 0 {
            writeln!(out, "failed: a test program ended badly, see above")?;
            failed = 1;
        }
        writeln!(
            out,
            "{} passed, {failed} failed, {} skipped",
            self.passed,
            self.skipped.len() + self.ignored
        )
    }
}

/// Returns the number before a word: `ok. 3 passed; 1 failed; …`.
fn count(counts: &str, word: &str) -> usize {
    let parts = counts.split(['.', ';']).map(str::trim);
    let number = parts.filter_map(|part| part.strip_suffix(word)).next();
    number.and_then(|number| number.trim().parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skipped_test_is_not_counted_as_passed() {
        let mut summary = Summary::default();
        assert!(!summary.line("running 3 tests"));
        assert!(summary.line("test a ... ok"));
        assert!(summary.line("test b ... FAILED"));
        assert!(summary.line("test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 4 filtered out; finished in 0.00s"));
        assert!(!summary.line("test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out"));
        summary.ended(false);
        // Two servers of one test.
        summary.skipped("page::talk: no chromium\npage::talk: no redis\n");
        assert_eq!(
            summary.to_string(),
            "\nskipped: page::talk: no redis\nfailed: b\n1 passed, 1 failed, 1 skipped\n"
        );
        assert!(summary.failed());
    }

    #[test]
    fn a_crash_without_a_failed_test_fails() {
        let mut summary = Summary::default();
        summary.line("test result: ok. 5 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out");
        summary.ended(false);
        assert!(summary.to_string().ends_with("5 passed, 1 failed, 2 skipped\n"));
    }
}
