//! How a binary of budgets talks to `cargo xtask budget`.
//!
//! A binary lists figures and hands them to [`main`]; xtask does the repeating, the medians, the
//! table:
//!
//! ```text
//! budget-timeline list                                   one JSON object a line, for each figure:
//!   {"name":"timeline.embedded.sends","unit":"sends/s","against":"a bare log","limit":"value at least","budget":30000}
//! budget-timeline measure NAME ours|against [--smoke]    one measurement, in a process of its own:
//!   {"value":41877.2}
//! ```
//!
//! A figure that is only shown has the limit "none" and the budget null, and is measured once.
//! Other lines on standard output are shown to nobody, standard error is passed on. xtask runs the
//! two sides of a figure in turn, several times, and takes the median of the values and of the
//! ratios of neighbours.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::{env, io};

use serde_json::json;

/// One figure with its budget.
#[derive(Debug)]
pub struct Figure {
    /// `crate.subject.what`: what the filter of `cargo xtask budget` matches.
    pub name: &'static str,
    /// The unit of both sides, as it is printed.
    pub unit: &'static str,
    /// Measures us.
    pub ours: Side,
    /// Names and measures what we are compared with: a peer or a floor.
    pub against: Option<(&'static str, Side)>,
    /// What must hold.
    pub budget: Budget,
}

/// Measures one side of a figure once.
pub type Side = fn(Effort) -> Result<f64, Box<dyn Error>>;

/// What must hold for a figure.
#[derive(Debug, Clone, Copy)]
pub enum Budget {
    /// Our value is at least this.
    AtLeast(f64),
    /// Our value is at most this.
    AtMost(f64),
    /// Our value divided by the other is at least this.
    RatioAtLeast(f64),
    /// Our value divided by the other is at most this.
    RatioAtMost(f64),
    /// Nothing: it is measured once, and shown as a point of a curve.
    Shown,
}

/// How much work a measurement does.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    smoke: bool,
}

impl Effort {
    /// A real run.
    #[must_use]
    pub const fn full() -> Self {
        Self { smoke: false }
    }

    /// A try of the harness.
    #[must_use]
    pub const fn smoke() -> Self {
        Self { smoke: true }
    }

    /// Returns the first in a real run, the second where only the harness is tried, in a debug
    /// build.
    pub fn pick<T>(self, full: T, smoke: T) -> T {
        if self.smoke { smoke } else { full }
    }
}

/// Answers what xtask asks on the command line.
pub fn main(figures: &[Figure]) -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match answer(figures, &arguments).and_then(|text| Ok(io::stdout().write_all(text.as_bytes())?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With nobody to read the error the exit code still tells.
            drop(writeln!(io::stderr(), "{error}"));
            ExitCode::FAILURE
        }
    }
}

fn answer(figures: &[Figure], arguments: &[&str]) -> Result<String, Box<dyn Error>> {
    let (name, side, effort) = match arguments {
        ["list"] => return Ok(figures.iter().map(|figure| described(figure) + "\n").collect()),
        ["measure", name, side] => (name, side, Effort::full()),
        ["measure", name, side, "--smoke"] => (name, side, Effort::smoke()),
        _ => return Err("use `cargo xtask budget`, or: list | measure NAME ours|against [--smoke]".into()),
    };
    let figure = figures
        .iter()
        .find(|figure| figure.name == *name)
        .ok_or_else(|| format!("no figure is named {name}"))?;
    let side = match (*side, &figure.against) {
        ("ours", _) => figure.ours,
        ("against", Some((_, side))) => *side,
        _ => return Err(format!("{name} has no side {side}").into()),
    };
    Ok(json!({ "value": side(effort)? }).to_string() + "\n")
}

fn described(figure: &Figure) -> String {
    let (limit, budget) = match figure.budget {
        Budget::AtLeast(budget) => ("value at least", Some(budget)),
        Budget::AtMost(budget) => ("value at most", Some(budget)),
        Budget::RatioAtLeast(budget) => ("ratio at least", Some(budget)),
        Budget::RatioAtMost(budget) => ("ratio at most", Some(budget)),
        Budget::Shown => ("none", None),
    };
    let against = figure.against.map(|(against, _)| against);
    json!({ "name": figure.name, "unit": figure.unit, "against": against, "limit": limit, "budget": budget })
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIGURES: &[Figure] = &[Figure {
        name: "a.b",
        unit: "s",
        ours: |effort| Ok(effort.pick(2.0, 1.0)),
        against: Some(("the floor", |_| Err("no floor".into()))),
        budget: Budget::RatioAtMost(1.25),
    }];

    #[test]
    fn a_list_says_what_must_hold() {
        let line = answer(FIGURES, &["list"]).unwrap();
        assert_eq!(
            line.trim_end(),
            r#"{"against":"the floor","budget":1.25,"limit":"ratio at most","name":"a.b","unit":"s"}"#
        );
    }

    #[test]
    fn what_is_only_shown_has_no_budget() {
        let shown =
            Figure { name: "a.c", unit: "s", ours: |_| Ok(1.0), against: None, budget: Budget::Shown };
        assert_eq!(
            described(&shown),
            r#"{"against":null,"budget":null,"limit":"none","name":"a.c","unit":"s"}"#
        );
    }

    #[test]
    fn a_measurement_is_one_value() {
        assert_eq!(answer(FIGURES, &["measure", "a.b", "ours"]).unwrap(), "{\"value\":2.0}\n");
        assert_eq!(answer(FIGURES, &["measure", "a.b", "ours", "--smoke"]).unwrap(), "{\"value\":1.0}\n");
    }

    #[test]
    fn what_is_not_there_is_an_error() {
        for wrong in
            [&["measure", "a.b", "against"][..], &["measure", "x", "ours"], &["measure", "a.b", "both"], &[]]
        {
            assert!(answer(FIGURES, wrong).is_err(), "{wrong:?}");
        }
    }
}
