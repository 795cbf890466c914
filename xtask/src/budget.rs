//! `cargo xtask budget [FILTER] [--smoke]`: measures the budgets of the design.
//!
//! What a binary of budgets prints is described in `benches/budget.rs`. `cargo xtask budget hub`
//! also writes what it prints to `docs/figures.md`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;
use serde_json::Value;

use crate::spread::{Spread, number};
use crate::{machine, page, step, test};

/// How often each side is measured, so that one disturbance does not decide.
const ROUNDS: usize = 5;

/// The filter whose figures are written to a page.
const WRITTEN: &str = "hub";

/// One figure, as its binary lists it.
#[derive(Debug)]
struct Figure {
    binary: PathBuf,
    name: String,
    unit: String,
    against: Option<String>,
    limit: Limit,
    budget: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    ValueAtLeast,
    ValueAtMost,
    RatioAtLeast,
    RatioAtMost,
    /// Nothing must hold: the figure is a point of a curve.
    None,
}

/// Builds the binaries, measures what the filter lets through, prints a line for each figure.
pub fn run(filter: Option<&str>, smoke: bool) -> Result<()> {
    let mut figures = Vec::new();
    for binary in build(smoke)? {
        let list = step::capture(Command::new(&binary).arg("list"))?;
        for line in list.lines() {
            let figure = Figure::read(binary.clone(), line)
                .with_context(|| format!("this is not a figure: {line}"))?;
            figures.push(figure);
        }
    }
    figures.retain(|figure| filter.is_none_or(|filter| figure.name.contains(filter)));
    // A point of a curve is measured as the figure beside it, of which the harness was tried.
    figures.retain(|figure| !smoke || figure.limit != Limit::None);
    if figures.is_empty() {
        bail!(
            "no figure has {:?} in its name; `cargo xtask budget` measures all of them",
            filter.unwrap_or_default()
        );
    }
    println!("name value unit (spread) | against | ratio (spread) | budget | ok or OVER");
    let (mut over, mut failed, mut rows) = (Vec::new(), Vec::new(), String::new());
    for figure in &figures {
        let (line, holds) = match figure.measure(smoke) {
            Ok(measured) => measured,
            // The others are measured all the same: the next run should not find the next error.
            Err(error) => {
                let error = format!("{}: {error:#}", figure.name);
                println!("{error}");
                failed.push(error);
                continue;
            }
        };
        println!("{line}");
        rows.push_str(&row(&line));
        if !holds && !smoke {
            over.push(figure.name.as_str());
        }
    }
    if !failed.is_empty() {
        bail!("not measured: {}", failed.join("; "));
    }
    if filter == Some(WRITTEN) && !smoke {
        let command = format!("cargo xtask budget {WRITTEN}");
        let measured = machine::sentence(&command, "")?;
        page::write("docs/figures.md", &command, &format!("{measured}\n\n{HEAD}{rows}"))?;
    }
    if !over.is_empty() {
        bail!("over budget: {}", over.join(", "));
    }
    Ok(())
}

const HEAD: &str = "| figure | measured | beside it | ratio | budget | |\n|---|---|---|---|---|---|\n";

/// Returns the row of a table in Markdown for a line that is printed.
fn row(line: &str) -> String {
    // A name has no space in it; what was measured follows.
    format!("| {} |\n", line.replacen(' ', " | ", 1))
}

/// Returns the binaries of budgets, built now, and puts the real servers beside them.
fn build(smoke: bool) -> Result<Vec<PathBuf>> {
    let mut built = if smoke {
        // The same call as that of the tests: nothing is built for this alone.
        step::binaries(&mut step::cargo(&test::BUILD))?
    } else {
        let server = ["build", "--release", "--package", "tidings-server", "--bins"];
        keep_as_glibc(&step::binaries(step::cargo(&server).arg("--no-default-features"))?)?;
        step::binaries(&mut step::cargo(&server))?;
        step::binaries(&mut step::cargo(&["build", "--release", "--package", "benches", "--bins"]))?
    };
    if smoke {
        // Only the harness is tried: the allocator does not matter.
        keep_as_glibc(&built)?;
    }
    built.retain(|binary| {
        binary.file_name().is_some_and(|name| name.to_string_lossy().starts_with("budget-"))
    });
    Ok(built)
}

/// Keeps the server under another name, as the next build would replace it.
fn keep_as_glibc(built: &[PathBuf]) -> Result<()> {
    let server = built.iter().find(|binary| binary.file_name().is_some_and(|name| name == "tidings"));
    let server = server.context("the server was not built")?;
    fs::copy(server, server.with_file_name("tidings-glibc"))
        .with_context(|| format!("{} cannot be copied", server.display()))?;
    Ok(())
}

impl Figure {
    fn read(binary: PathBuf, line: &str) -> Option<Self> {
        let figure: Value = serde_json::from_str(line).ok()?;
        let text = |key: &str| figure[key].as_str().map(str::to_owned);
        let limit = match figure["limit"].as_str()? {
            "value at least" => Limit::ValueAtLeast,
            "value at most" => Limit::ValueAtMost,
            "ratio at least" => Limit::RatioAtLeast,
            "ratio at most" => Limit::RatioAtMost,
            "none" => Limit::None,
            _ => return None,
        };
        let budget = match limit {
            Limit::None => f64::NAN,
            _ => figure["budget"].as_f64()?,
        };
        Some(Self {
            binary,
            name: text("name")?,
            unit: text("unit")?,
            against: text("against"),
            limit,
            budget,
        })
    }

    /// Measures both sides in turn; returns the line to print, and whether the budget holds.
    fn measure(&self, smoke: bool) -> Result<(String, bool)> {
        let (mut ours, mut against) = (Vec::new(), Vec::new());
        // Where nothing must hold nobody minds a disturbance.
        for _ in 0..if smoke || self.limit == Limit::None { 1 } else { ROUNDS } {
            ours.push(self.side("ours", smoke)?);
            if self.against.is_some() {
                against.push(self.side("against", smoke)?);
            }
        }
        // The ratio of neighbours: what slows the machine down for a while slows both.
        let ratios = ours.iter().zip(&against).map(|(ours, against)| ours / against).collect();
        let (ours, against, ratios) = (Spread::of(ours), Spread::of(against), Spread::of(ratios));
        let (line, holds) = self.judged(&ours, &against, &ratios);
        // A debug build in one short round says that it can be measured, and nothing else.
        let verdict = match (smoke || self.limit == Limit::None, holds) {
            (true, _) => "not judged",
            (false, true) => "ok",
            (false, false) => "OVER",
        };
        Ok((format!("{line} | {verdict}"), holds))
    }

    fn side(&self, side: &str, smoke: bool) -> Result<f64> {
        let mut command = Command::new(&self.binary);
        command.args(["measure", &self.name, side]).args(smoke.then_some("--smoke"));
        let output = step::capture(&mut command)?;
        let last = output.lines().last().unwrap_or_default();
        let answer: Value =
            serde_json::from_str(last).with_context(|| format!("this is not a measurement: {last}"))?;
        answer["value"].as_f64().with_context(|| format!("this measurement has no value: {last}"))
    }

    fn judged(&self, ours: &Spread, against: &Spread, ratios: &Spread) -> (String, bool) {
        let Self { name, unit, budget, .. } = self;
        let shown = number(*budget);
        let (holds, budget) = match self.limit {
            Limit::ValueAtLeast => (ours.median() >= *budget, format!("at least {shown} {unit}")),
            Limit::ValueAtMost => (ours.median() <= *budget, format!("at most {shown} {unit}")),
            Limit::RatioAtLeast => (ratios.median() >= *budget, format!("at least {shown} x")),
            Limit::RatioAtMost => (ratios.median() <= *budget, format!("at most {shown} x")),
            Limit::None => (true, "-".to_owned()),
        };
        let (against, ratio) = match &self.against {
            Some(against_name) => (format!("{against_name}: {}", against.shown(unit)), ratios.shown("x")),
            None => ("-".to_owned(), "-".to_owned()),
        };
        (format!("{name} {} | {against} | {ratio} | {budget}", ours.shown(unit)), holds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(limit: Limit, budget: f64, against: Option<&str>) -> Figure {
        let against = against.map(str::to_owned);
        Figure { binary: PathBuf::new(), name: "a.b".into(), unit: "s".into(), against, limit, budget }
    }

    #[test]
    fn the_median_counts_and_the_spread_is_shown() {
        let ours = Spread::of(vec![90_000.0, 31_000.4, 29_000.0]);
        let figure = figure(Limit::ValueAtLeast, 30_000.0, None);
        let (line, holds) = figure.judged(&ours, &Spread::of(vec![]), &Spread::of(vec![]));
        assert_eq!(line, "a.b 31,000 s (29,000 to 90,000) | - | - | at least 30,000 s");
        assert!(holds);
    }

    #[test]
    fn a_ratio_over_its_budget_is_over() {
        let figure = figure(Limit::RatioAtMost, 1.25, Some("a bare writer"));
        let side = |value| Spread::of(vec![value]);
        let (line, holds) = figure.judged(&side(260.0), &side(200.0), &side(1.3));
        assert_eq!(line, "a.b 260 s | a bare writer: 200 s | 1.3 x | at most 1.25 x");
        assert!(!holds);
    }

    #[test]
    fn a_line_is_a_row_of_the_table() {
        let line = "a.b 260 s | a bare writer: 200 s | 1.3 x | at most 1.25 x | OVER";
        let row = row(line);
        assert_eq!(row, "| a.b | 260 s | a bare writer: 200 s | 1.3 x | at most 1.25 x | OVER |\n");
        assert_eq!(row.matches('|').count(), HEAD.lines().next().unwrap().matches('|').count());
    }

    #[test]
    fn a_figure_without_a_budget_always_holds() {
        let line = r#"{"name":"a.b","unit":"s","against":null,"limit":"none","budget":null}"#;
        let figure = Figure::read(PathBuf::new(), line).unwrap();
        let (line, holds) = figure.judged(&Spread::of(vec![7.0]), &Spread::of(vec![]), &Spread::of(vec![]));
        assert_eq!(line, "a.b 7 s | - | - | -");
        assert!(holds);
    }

    #[test]
    fn what_was_not_measured_is_over() {
        let figure = figure(Limit::RatioAtMost, 1.25, Some("a bare writer"));
        let nothing = || Spread::of(vec![]);
        assert!(!figure.judged(&nothing(), &nothing(), &nothing()).1);
    }
}
