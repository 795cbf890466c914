//! What this process says besides its results.
//!
//! These are log lines, complaints, and where it is open. None of it may fail or stall anything.

mod line_writer;
mod panics;

use std::fmt::Display;
use std::io;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use self::line_writer::LineWriter;
pub(crate) use self::line_writer::print;
use crate::config::{Config, LogFormat};

/// How long the end of the process waits for lines that are not written yet.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// `health.rs` logs the states of presence, for every backend, and of the timelines; the lines of
/// these modules would say them twice.
const TOLD_HERE: &str = "presence_redis::state_log=off,timeline::embedded::shared=off";

static ERRORS: OnceLock<LineWriter> = OnceLock::new();
static OUTPUT: OnceLock<LineWriter> = OnceLock::new();

/// Starts the writer of the error output. Comes before anything that may complain; if it fails,
/// there is no thread to be had, and complaints are written without one.
pub(crate) fn open() -> io::Result<()> {
    let lost = |lines: u64| {
        tracing::warn!(
            lines,
            "lines of this log were lost, because the error output was full, closed or not read"
        );
    };
    let outlet = LineWriter::start("log", rustix::stdio::stderr(), lost)?;
    // Opened once, by the first thread, before there are others.
    ERRORS.get_or_init(|| outlet);
    Ok(())
}

/// Has log lines written as the configuration says, those of libraries that use `log` too, and
/// panics.
pub(crate) fn start(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::builder().parse(format!("{},{TOLD_HERE}", config.log)).context("--log")?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Lines)
        // What cannot be written is counted; a complaint about it would go the same way.
        .log_internal_errors(false);
    let installed = match config.log_format {
        LogFormat::Text => lines.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    installed.map_err(|error| anyhow::anyhow!("the log cannot be set up: {error}"))?;
    panics::hook();
    Ok(())
}

/// Says what is wrong in one line for the user, also when no log is written.
pub(crate) fn complain(line: impl Display) {
    let line = format!("tidings: {line}\n");
    match ERRORS.get() {
        Some(outlet) => outlet.push(line.as_bytes()),
        None => line_writer::write_now(rustix::stdio::stderr(), line.as_bytes(), LAST_WORDS),
    }
}

/// Queues one line for the standard output; nobody has to read it.
pub(crate) fn announce(line: impl Display) -> io::Result<()> {
    let outlet = LineWriter::start("output", rustix::stdio::stdout(), |_| {})?;
    OUTPUT.get_or_init(|| outlet).push(format!("{line}\n").as_bytes());
    Ok(())
}

/// Waits a moment for what is not written yet; whoever does not read is not waited for longer.
pub(crate) fn close() {
    for outlet in [&OUTPUT, &ERRORS].into_iter().filter_map(OnceLock::get) {
        outlet.flush(LAST_WORDS);
    }
}

/// How many lines of the log were lost since the start.
pub(crate) fn lines_lost() -> u64 {
    ERRORS.get().map_or(0, LineWriter::lost)
}

fn push(line: &[u8]) {
    if let Some(outlet) = ERRORS.get() {
        outlet.push(line);
    }
}

/// Gives each line to the outlet, whole, as `tracing` writes it.
#[derive(Debug, Clone, Copy)]
struct Lines;

impl io::Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}
