//! The example programs of our crates, as their users run them.

use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::process::ExitStatus;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::kill_process;
use tokio::io::AsyncBufReadExt;
use tokio::io::BufReader;
use tokio::io::Lines;
use tokio::process::Child;
use tokio::process::ChildStdout;
use tokio::process::Command;
use tokio::time::timeout;

/// A time that only a hang reaches.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running example program, killed when it is dropped.
pub struct Example {
    name: String,
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Example {
    /// Starts an example of the crate whose test this is.
    ///
    /// It is the one that the same cargo built, with the same profile.
    ///
    /// # Panics
    ///
    /// If it was not built, or cannot be started.
    pub fn start(name: &str, arguments: impl IntoIterator<Item: AsRef<OsStr>>) -> Self {
        let test = env::current_exe().expect("a test knows its own path");
        // Next to the folder of the test, wherever cargo builds.
        let folder = test.ancestors().nth(2).expect("cargo puts tests into a folder of its own");
        let program = folder.join("examples").join(name);
        assert!(program.exists(), "there is no {}; run `cargo build --examples`", program.display());
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().expect("an example that was built can be started");
        let stdout = process.stdout.take().expect("its output is a pipe");
        Self { name: name.to_owned(), process, lines: BufReader::new(stdout).lines() }
    }

    /// Returns the next line that it prints.
    ///
    /// # Panics
    ///
    /// If it prints none within a minute.
    pub async fn line(&mut self) -> String {
        let line = timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.unwrap_or_else(|_elapsed| panic!("{} prints nothing", self.name));
        line.expect("its output can be read").unwrap_or_else(|| panic!("{} has ended", self.name))
    }

    /// Interrupts it, as ctrl-c does, and returns how it ended.
    ///
    /// # Panics
    ///
    /// If it does not end within a minute.
    pub async fn interrupt(mut self) -> ExitStatus {
        let id = self.process.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
        kill_process(id.expect("it runs"), Signal::INT).expect("our own process can be interrupted");
        let ended = timeout(PATIENCE, self.process.wait()).await;
        ended.unwrap_or_else(|_elapsed| panic!("{} does not end", self.name)).expect("it is our own process")
    }
}

impl fmt::Debug for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Example").field("name", &self.name).finish_non_exhaustive()
    }
}
