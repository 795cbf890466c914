//! One round: the process works, is killed, and the store is compared with the model.

use std::error::Error;
use std::fmt;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use tempfile::TempDir;
use timeline::contract::set_clock_ahead;
use timeline::{PageRequest, embedded};

use crate::checker::Checker;
use crate::line::{Call, Line, Talk};
use crate::model::Model;
use crate::store::open_to_compare;

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
    /// What was answered, compared and gone by its age in the directories before.
    before: (u64, u64, u64),
    model: Model,
    checker: Checker,
    /// The sends that were not answered when their process was killed: the next one repeats them.
    unanswered: Vec<Call>,
}

/// What there was so far.
pub(crate) struct Report {
    rounds: u64,
    calls: u64,
    entries: u64,
    /// How many entries went by their age.
    aged: u64,
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
            before: (0, 0, 0),
            model: Model::default(),
            checker: Checker::default(),
            unanswered: Vec::new(),
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
        life.work_and_kill(&mut self.model, &mut self.unanswered)?;
        let report = self.compare(self.rounds.is_multiple_of(WHOLE)).await?;
        if self.rounds.is_multiple_of(ROUNDS_MAX) {
            self.begin_anew(&report)?;
        }
        Ok(report)
    }

    /// Goes on with a new directory, when the last one was compared as a whole.
    fn begin_anew(&mut self, report: &Report) -> Result<(), Box<dyn Error>> {
        self.before = (report.calls, report.entries, report.aged);
        (self.model, self.checker) = (Model::default(), Checker::default());
        self.unanswered.clear();
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
        let timeline = open_to_compare(self.directory.path()).await?;
        let compared = self.checker.check(&timeline, &self.model, whole).await;
        let aged = timeline.history(&Talk::Aged.conversation()?, PageRequest::default()).await?.floor.get();
        if !timeline.shutdown(GRACE).await {
            return Err("the store did not end".into());
        }
        let entries = compared
            .map_err(|violation| format!("round {} of seed {}: {violation}", self.rounds, self.seed))?;
        let (calls, compared, before) = self.before;
        let (calls, entries) = (calls + self.model.calls, compared + entries);
        Ok(Report { rounds: self.rounds, calls, entries, aged: before + aged })
    }
}

impl Life<'_> {
    /// Runs the process until so many of its calls were answered, kills it, and tells the model all
    /// it said. The process repeats what is unanswered first; what it leaves so takes its place.
    fn work_and_kill(&self, model: &mut Model, unanswered: &mut Vec<Call>) -> Result<(), Box<dyn Error>> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("work")
            .arg(self.directory)
            .args([self.round.to_string(), self.seed.to_string(), self.ahead_ms.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        // Without an end of its input it would wait.
        let input = child.stdin.take().ok_or("the process has no input")?;
        serde_json::to_writer(input, unanswered)?;
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
                if let Line::Try { call: Call::Send { id: tried, .. }, .. } = &line {
                    unanswered.retain(|call| !matches!(call, Call::Send { id, .. } if id == tried));
                }
                model.take(line)?;
            }
        }
        let status = child.wait()?;
        unanswered.extend(model.killed());
        model.latest_ms = model.latest_ms.max(unix_ms().saturating_add_signed(self.ahead_ms));
        if killed {
            Ok(())
        } else {
            Err(format!("round {}: the process ended by itself: {status}", self.round).into())
        }
    }
}

/// Returns the time by the machine's clock, in milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the store takes its times from the same clock")]
fn unix_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// Returns by how much a clock is ahead of the machine's, or behind.
fn clock(rng: &mut Rng) -> i64 {
    rng.i64(-APART_MS..=APART_MS)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, calls, entries, aged } = self;
        write!(f, "{rounds} rounds, {calls} calls answered, {entries} entries compared, {aged} gone by age")
    }
}
