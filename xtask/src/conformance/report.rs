//! What the suite found.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// What the suite found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Report {
    /// How many cases had which outcome.
    outcomes: BTreeMap<String, usize>,
    /// The cases that did not go as they should, with their outcome.
    pub(super) failed: Vec<String>,
}

/// What may become of a case: the suite calls informational what no standard decides.
const GOOD: [&str; 2] = ["OK", "INFORMATIONAL"];

impl Report {
    /// Reads the index of a report.
    pub(super) fn read(index: &Path) -> Result<Self> {
        let text = fs::read_to_string(index).with_context(|| index.display().to_string())?;
        Self::of(&serde_json::from_str(&text)?)
    }

    fn of(index: &Value) -> Result<Self> {
        let cases = index.get("tidings").and_then(Value::as_object);
        let cases = cases.context("the index of the report names no case")?;
        let mut report = Self { outcomes: BTreeMap::new(), failed: Vec::new() };
        for (case, found) in cases {
            let outcome = |key: &str| found.get(key).and_then(Value::as_str).unwrap_or("MISSING").to_owned();
            let (behavior, close) = (outcome("behavior"), outcome("behaviorClose"));
            if let Some(bad) =
                [&behavior, &close].into_iter().find(|outcome| !GOOD.contains(&outcome.as_str()))
            {
                report.failed.push(format!("{case} {bad}"));
            }
            *report.outcomes.entry(behavior).or_default() += 1;
        }
        Ok(report)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cases: usize = self.outcomes.values().sum();
        write!(f, "{cases} cases")?;
        self.outcomes.iter().try_for_each(|(outcome, count)| write!(f, ", {count} {outcome}"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_good_is_named() {
        let case = |behavior: &str, close: &str| json!({ "behavior": behavior, "behaviorClose": close });
        let index = json!({ "tidings": {
            "1.1.1": case("OK", "OK"),
            "7.1.6": case("INFORMATIONAL", "INFORMATIONAL"),
            "6.4.2": case("NON-STRICT", "OK"),
            "7.9.1": case("OK", "WRONG CODE"),
            "13.1.1": case("UNIMPLEMENTED", "OK"),
        } });
        let report = Report::of(&index).unwrap();
        assert_eq!(report.failed, ["13.1.1 UNIMPLEMENTED", "6.4.2 NON-STRICT", "7.9.1 WRONG CODE"]);
        assert_eq!(report.to_string(), "5 cases, 1 INFORMATIONAL, 1 NON-STRICT, 2 OK, 1 UNIMPLEMENTED");
        assert!(Report::of(&json!({})).is_err());
    }
}
