//! A worker process, as the soak sees it.

use std::env;
use std::error::Error;
use std::fs;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::clock;
use crate::model::Model;
use crate::witness::Witness;

/// One of the processes; killed when dropped.
pub(crate) struct Worker {
    pub(crate) name: String,
    child: Child,
    stdin: ChildStdin,
    /// Read as they come: a worker that cannot say what it does stands still.
    lines: mpsc::Receiver<String>,
    /// What its watcher was told.
    pub(crate) witness: Witness,
    /// Its memory after its first cycle.
    pub(crate) at_first: Option<u64>,
    _reader: JoinSet<()>,
}

impl Worker {
    /// Returns when its steady keys are alive.
    pub(crate) async fn start(
        url: &str,
        database: &str,
        name: &str,
        model: &mut Model,
    ) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["work", url, database, name]).kill_on_drop(true);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take().ok_or("worker has no input")?;
        let mut said = BufReader::new(child.stdout.take().ok_or("worker has no output")?).lines();
        let (sender, lines) = mpsc::channel(LINES_MAX);
        let mut reader = JoinSet::new();
        reader.spawn(async move {
            while let Ok(Some(line)) = said.next_line().await {
                if sender.send(line).await.is_err() {
                    return;
                }
            }
        });
        let (name, witness) = (name.to_owned(), Witness::default());
        let mut worker = Self { name, child, stdin, lines, witness, at_first: None, _reader: reader };
        worker.until("ready", model).await?;
        Ok(worker)
    }

    pub(crate) async fn tell(&mut self, line: &str) -> Result<(), Box<dyn Error>> {
        Ok(self.stdin.write_all(format!("{line}\n").as_bytes()).await?)
    }

    /// Notes what it did and was told up to a line of its own.
    pub(crate) async fn until(&mut self, end: &str, model: &mut Model) -> Result<(), Box<dyn Error>> {
        loop {
            let line = timeout(PATIENCE, self.lines.recv()).await.map_err(|_| format!("no {end}"))?;
            let line = line.ok_or_else(|| format!("worker ended before {end}"))?;
            if line == end {
                return Ok(());
            }
            self.note(&line, model)?;
        }
    }

    /// Notes what it has said so far.
    pub(crate) fn hear(&mut self, model: &mut Model) -> Result<(), Box<dyn Error>> {
        while let Ok(line) = self.lines.try_recv() {
            self.note(&line, model)?;
        }
        Ok(())
    }

    /// Kills it, notes what it said last, and returns what its watcher was told.
    pub(crate) async fn kill(mut self, model: &mut Model) -> Result<Witness, Box<dyn Error>> {
        let at = clock::now();
        self.child.kill().await?;
        while let Some(line) = self.lines.recv().await {
            self.note(&line, model)?;
        }
        model.killed(&self.name, at);
        Ok(self.witness)
    }

    /// Stops it where it is (`SIGSTOP`), or lets it go on (`SIGCONT`).
    pub(crate) async fn signal(&self, signal: &str) -> Result<(), Box<dyn Error>> {
        let process = self.child.id().ok_or("worker has ended")?.to_string();
        let sent = Command::new("kill").args(["-s", signal, &process]).status().await?;
        if sent.success() { Ok(()) } else { Err(format!("worker got no SIG{signal}").into()) }
    }

    /// Returns its resident memory, in bytes.
    pub(crate) fn resident_bytes(&self) -> Result<u64, Box<dyn Error>> {
        resident_bytes(&self.child.id().ok_or("worker has ended")?.to_string())
    }

    fn note(&mut self, line: &str, model: &mut Model) -> Result<(), Box<dyn Error>> {
        let mut words = line.splitn(3, ' ');
        let (Some(at), Some(what), Some(key)) = (words.next(), words.next(), words.next()) else {
            return Err(format!("process {} said {line:?}", self.name).into());
        };
        let at = Duration::from_nanos(at.parse()?);
        match what {
            "alive" | "dead" => self.witness.tell(at, key, what == "alive"),
            _ => model.note(&self.name, at, what, key)?,
        }
        Ok(())
    }
}

/// Returns the resident memory of a process, in bytes.
pub(crate) fn resident_bytes(process: &str) -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
}

/// Many more than there are in a cycle.
const LINES_MAX: usize = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(120);
