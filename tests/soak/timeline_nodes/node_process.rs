//! A node, as the soak sees it.

use std::collections::HashMap;
use std::env;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{Mutex as AsyncMutex, oneshot};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::ask::{Answer, Ask, Asked, Said};
use crate::fault::Fault;
use crate::place::Place;

/// A time that only a hang reaches.
const PATIENCE: Duration = Duration::from_secs(120);

/// One of the processes; killed when dropped.
pub(crate) struct NodeProcess {
    process: String,
    child: AsyncMutex<Child>,
    stdin: AsyncMutex<ChildStdin>,
    numbers: AtomicU64,
    open: Arc<Open>,
    is_killed: AtomicBool,
    reader: AsyncMutex<JoinSet<Result<(), Fault>>>,
}

/// Who waits for an answer; `None` once there are no more.
type Open = Mutex<Option<HashMap<u64, oneshot::Sender<Answer>>>>;

impl NodeProcess {
    /// Starts a node whose clock is so far ahead, and returns once it takes calls.
    pub(crate) async fn start(place: &Place, ahead_ms: i64) -> Result<Self, Fault> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("node").arg(ahead_ms.to_string()).args(place.arguments()).kill_on_drop(true);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let process = child.id().ok_or("a node has ended")?.to_string();
        let stdin = child.stdin.take().ok_or("a node has no input")?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("a node has no output")?).lines();
        let first = timeout(PATIENCE, lines.next_line()).await.map_err(|_| "a node does not get ready")??;
        let first = first.ok_or("a node ended before it was ready")?;
        if !matches!(serde_json::from_str(&first)?, Said::Ready) {
            return Err(format!("a node began with {first}").into());
        }
        let open = Arc::new(Open::new(Some(HashMap::new())));
        let mut reader = JoinSet::new();
        reader.spawn(hear(lines, Arc::clone(&open)));
        Ok(Self {
            process,
            child: AsyncMutex::new(child),
            stdin: AsyncMutex::new(stdin),
            numbers: AtomicU64::new(0),
            open,
            is_killed: AtomicBool::new(false),
            reader: AsyncMutex::new(reader),
        })
    }

    /// Asks; there is an error instead of an answer when the node has died.
    pub(crate) async fn ask(&self, ask: Ask) -> Result<oneshot::Receiver<Answer>, Fault> {
        let (number, (sender, answer)) = (self.numbers.fetch_add(1, Ordering::Relaxed), oneshot::channel());
        if let Some(open) = &mut *self.open.lock() {
            open.insert(number, sender);
        }
        let mut line = serde_json::to_string(&Asked { number, ask })?;
        line.push('\n');
        if self.stdin.lock().await.write_all(line.as_bytes()).await.is_err()
            && let Some(open) = &mut *self.open.lock()
        {
            open.remove(&number);
        }
        Ok(answer)
    }

    /// Kills it (`SIGKILL`), and reads the last that it has said.
    pub(crate) async fn kill(&self) -> Result<(), Fault> {
        self.is_killed.store(true, Ordering::Relaxed);
        self.child.lock().await.kill().await?;
        let mut reader = self.reader.lock().await;
        while let Some(ended) = reader.join_next().await {
            ended??;
        }
        Ok(())
    }

    /// Fails if it has ended by itself.
    pub(crate) async fn check(&self) -> Result<(), Fault> {
        match self.child.lock().await.try_wait()? {
            Some(status) if !self.is_killed.load(Ordering::Relaxed) => {
                Err(format!("a node ended by itself: {status}").into())
            }
            _ => Ok(()),
        }
    }

    /// Stops it where it is (`STOP`), or lets it go on (`CONT`).
    pub(crate) async fn signal(&self, signal: &str) -> Result<(), Fault> {
        let sent = Command::new("kill").args(["-s", signal, &self.process]).status().await?;
        if sent.success() { Ok(()) } else { Err(format!("a node got no SIG{signal}").into()) }
    }
}

/// Hands on what a node says; when it ends nobody waits for it any more.
async fn hear(mut lines: Lines<BufReader<ChildStdout>>, open: Arc<Open>) -> Result<(), Fault> {
    while let Some(line) = lines.next_line().await? {
        // The last line of one that was killed may be cut off.
        let Ok(Said::Answered { number, answer }) = serde_json::from_str(&line) else { continue };
        let waiting = open.lock().as_mut().and_then(|open| open.remove(&number));
        if let Some(waiting) = waiting {
            // Who has given up does not hear it.
            drop(waiting.send(answer));
        }
    }
    open.lock().take();
    Ok(())
}
