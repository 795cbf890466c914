//! One round: the process works, is killed, and the store is compared with the model.

use std::error::Error;
use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use fastrand::Rng;
use tempfile::TempDir;
use timeline::contract::set_clock_ahead;
use timeline::embedded;

use crate::checker::Checker;
use crate::line::Line;
use crate::model::Model;
use crate::store::open;

/// A time that only a hang reaches.
const GRACE: Duration = Duration::from_secs(60);

/// Rounds after which everything is read, and not what is new alone; a part of [`ROUNDS_MAX`].
const WHOLE: u64 = 25;

/// How wrong a clock may be: an hour.
const APART_MS: i64 = 3_600_000;

/// Rounds after which a new directory is begun, as all that was ever written is compared.
const ROUNDS_MAX: u64 = 50;

/// The rounds of a soak, on one directory after the other.
pub(crate) struct Soak {
    directory: TempDir,
    seed: u64,
    rng: Rng,
    rounds: u64,
    /// What was answered and compared in the directories before.
    before: (u64, u64),
    model: Model,
    checker: Checker,
}

/// What there was so far.
pub(crate) struct Report {
    rounds: u64,
    calls: u64,
    entries: u64,
}

/// Which life of the process it is.
struct Life<'a> {
    directory: &'a Path,
    round: u64,
    seed: u64,
    /// By how much its clock is ahead of the machine's, or behind.
    ahead_ms: i64,
    /// After how many answers it is killed.
    calls: usize,
}

impl Soak {
    pub(crate) fn new(seed: u64) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            directory: tempfile::tempdir()?,
            seed,
            rng: Rng::with_seed(seed),
            rounds: 0,
            before: (0, 0),
            model: Model::default(),
            checker: Checker::default(),
        })
    }

    pub(crate) fn rounds(&self) -> u64 {
        self.rounds
    }

    /// Has the process work, kills it, and compares.
    pub(crate) async fn round(&mut self) -> Result<Report, Box<dyn Error>> {
        self.rounds += 1;
        // Short lives find a store in the middle of opening, long ones among removals.
        let calls = match self.rng.u8(0..10) {
            0 => self.rng.usize(0..5),
            1..8 => self.rng.usize(5..100),
            _ => self.rng.usize(100..600),
        };
        let ahead_ms = clock(&mut self.rng);
        let (round, seed) = (self.rounds, self.seed);
        let life = Life { directory: self.directory.path(), round, seed, ahead_ms, calls };
        life.work_and_kill(&mut self.model)?;
        let report = self.compare(self.rounds.is_multiple_of(WHOLE)).await?;
        if self.rounds.is_multiple_of(ROUNDS_MAX) {
            self.begin_anew(&report)?;
        }
        Ok(report)
    }

    /// Goes on with a new directory, when the last one was compared as a whole.
    fn begin_anew(&mut self, report: &Report) -> Result<(), Box<dyn Error>> {
        self.before = (report.calls, report.entries);
        (self.model, self.checker) = (Model::default(), Checker::default());
        self.directory = tempfile::tempdir()?;
        Ok(())
    }

    /// Compares everything for the last time.
    pub(crate) async fn end(&mut self) -> Result<Report, Box<dyn Error>> {
        self.compare(true).await
    }

    async fn compare(&mut self, whole: bool) -> Result<Report, Box<dyn Error>> {
        set_clock_ahead(clock(&mut self.rng));
        if whole {
            embedded::check_deep(self.directory.path())?;
        }
        let timeline = open(self.directory.path()).await?;
        let compared = self.checker.check(&timeline, &self.model, whole).await;
        if !timeline.shutdown(GRACE).await {
            return Err("the store did not end".into());
        }
        let entries = compared
            .map_err(|violation| format!("round {} of seed {}: {violation}", self.rounds, self.seed))?;
        let (calls, compared) = self.before;
        Ok(Report { rounds: self.rounds, calls: calls + self.model.calls, entries: compared + entries })
    }
}

impl Life<'_> {
    /// Runs the process until so many of its calls were answered, kills it, and tells the model all
    /// it said.
    fn work_and_kill(&self, model: &mut Model) -> Result<(), Box<dyn Error>> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("work")
            .arg(self.directory)
            .args([self.round.to_string(), self.seed.to_string(), self.ahead_ms.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut output = BufReader::new(child.stdout.take().ok_or("the process has no output")?);
        let (mut line, mut answered, mut killed) = (String::new(), 0, false);
        loop {
            if answered >= self.calls && !killed {
                // What is still in the pipe was said before, and is read to the end.
                child.kill()?;
                killed = true;
            }
            line.clear();
            if output.read_line(&mut line)? == 0 {
                break;
            }
            // The last line may be cut off.
            if let Some(line) = line.strip_suffix('\n') {
                let line: Line = serde_json::from_str(line)?;
                answered += usize::from(matches!(line, Line::Done { .. }));
                model.take(line)?;
            }
        }
        let status = child.wait()?;
        model.killed();
        if killed {
            Ok(())
        } else {
            Err(format!("round {}: the process ended by itself: {status}", self.round).into())
        }
    }
}

/// Returns by how much a clock is ahead of the machine's, or behind.
fn clock(rng: &mut Rng) -> i64 {
    rng.i64(-APART_MS..=APART_MS)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, calls, entries } = self;
        write!(f, "{rounds} rounds, {calls} calls answered, {entries} entries compared")
    }
}
