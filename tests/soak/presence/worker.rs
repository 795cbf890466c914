//! A worker process, as the soak sees it.

use std::env;
use std::error::Error;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::model::Model;

/// One of the processes; killed when dropped.
pub(crate) struct Worker {
    child: Child,
    stdin: ChildStdin,
    /// Read as they come: a worker that cannot say what it does stands still.
    lines: mpsc::Receiver<String>,
    _reader: JoinSet<()>,
}

impl Worker {
    pub(crate) async fn start(url: &str, name: &str) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["work", url, name]).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
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
        let mut worker = Self { child, stdin, lines, _reader: reader };
        worker.until("ready", &mut Model::default()).await?;
        Ok(worker)
    }

    pub(crate) async fn tell(&mut self, line: &str) -> Result<(), Box<dyn Error>> {
        Ok(self.stdin.write_all(format!("{line}\n").as_bytes()).await?)
    }

    /// Notes what it did up to a line of its own.
    pub(crate) async fn until(&mut self, end: &str, model: &mut Model) -> Result<(), Box<dyn Error>> {
        loop {
            let line = timeout(PATIENCE, self.lines.recv()).await.map_err(|_| format!("no {end}"))?;
            let line = line.ok_or_else(|| format!("worker ended before {end}"))?;
            if line == end {
                return Ok(());
            }
            model.note(&line);
        }
    }

    /// Kills it, and notes what it said last.
    pub(crate) async fn kill(mut self, model: &mut Model) -> Result<(), Box<dyn Error>> {
        self.child.kill().await?;
        while let Some(line) = self.lines.recv().await {
            model.note(&line);
        }
        Ok(())
    }

    pub(crate) async fn freeze(&self, duration: Duration) -> Result<(), Box<dyn Error>> {
        self.signal("STOP").await?;
        tokio::time::sleep(duration).await;
        self.signal("CONT").await
    }

    async fn signal(&self, signal: &str) -> Result<(), Box<dyn Error>> {
        let process = self.child.id().ok_or("worker has ended")?.to_string();
        let sent = Command::new("kill").args(["-s", signal, &process]).status().await?;
        if sent.success() { Ok(()) } else { Err(format!("worker got no SIG{signal}").into()) }
    }
}

/// Many more than there are in a cycle.
const LINES_MAX: usize = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(60);
