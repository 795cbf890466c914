//! Starts the example that echoes, and has the suite ask it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde_json::json;

use super::report::Report;
use super::runtime::Runtime;
use crate::step::{self, cargo};

/// Which cases are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Part {
    /// Every case: takes some minutes
    #[default]
    All,
    /// All but long rows of messages, each kind of which is run once
    Quick,
}

impl Part {
    const fn cases(self) -> &'static [&'static str] {
        match self {
            Self::All => &["*"],
            // Of section 9 and of each offer of 12 and 13 there are many that differ in length
            // alone.
            Self::Quick => &[
                "1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.1.1", "9.2.1", "10.*", "12.*.1$",
                "12.*.10$", "13.*.1$", "13.*.10$",
            ],
        }
    }
}

/// Runs the suite and says which cases did not go as they should.
pub fn run(part: Part) -> Result<()> {
    let runtime = Runtime::find()?;
    runtime.install()?;
    let echo = Echo::start()?;
    let folder = step::target().join("conformance");
    fs::create_dir_all(&folder).with_context(|| step::shown(&folder))?;
    let specification = json!({
        "outdir": folder,
        "servers": [{ "agent": "tidings", "url": echo.url }],
        "cases": part.cases(),
        "exclude-cases": [],
        "exclude-agent-cases": {},
    });
    let file = folder.join("spec.json");
    fs::write(&file, specification.to_string()).with_context(|| step::shown(&file))?;
    step::capture(runtime.wstest().args(["-m", "fuzzingclient", "-s"]).arg(&file))?;
    drop(echo);
    let report = Report::read(&folder.join("index.json"))?;
    println!("{report}; details: {}", step::shown(&folder.join("index.html")));
    if !report.failed.is_empty() {
        bail!("these cases did not go as they should: {}", report.failed.join(", "));
    }
    Ok(())
}

/// The example, stopped on drop.
struct Echo {
    child: Child,
    url: String,
}

impl Echo {
    fn start() -> Result<Self> {
        step::show(&mut cargo(&[
            "build",
            "--quiet",
            "--release",
            "--package",
            "conductor-hub",
            "--features",
            "codec",
            "--example",
            "echo",
        ]))?;
        let mut command = Command::new(step::target().join("release/examples/echo"));
        let mut child =
            command.arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().context("cannot run the example")?;
        let said = child.stdout.take().context("the output of the example is not piped")?;
        let mut echo = Self { child, url: String::new() };
        let mut line = String::new();
        BufReader::new(said).read_line(&mut line)?;
        let url = line.trim().strip_prefix("echoing at ").context("the example did not say where it is")?;
        url.clone_into(&mut echo.url);
        Ok(echo)
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            println!("error: the example that echoes, process {}, may still run: {error}", self.child.id());
        }
    }
}
