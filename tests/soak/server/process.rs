//! The process of the server.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, PipeReader, pipe};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tests::Tidings;
use tokio::time::{Instant, sleep};

use crate::Failure;

/// What becomes of the log.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Log {
    /// A pipe that nobody can read any more.
    Gone,
    /// A pipe that nobody reads.
    Unread,
    /// A file on the small disk.
    OnDisk,
}

impl Log {
    pub(crate) const ALL: [Self; 3] = [Self::Gone, Self::Unread, Self::OnDisk];
}

/// A server with 1,024 descriptors; killed when dropped.
pub(crate) struct Process {
    child: Child,
    http: SocketAddr,
    grpc: SocketAddr,
    /// Kept, and never read.
    _unread: Option<PipeReader>,
}

impl Process {
    /// Starts it on these ports; on free ones where they are 0.
    pub(crate) fn start(disk: &Path, ports: [SocketAddr; 2], log: Log) -> Result<Self, Failure> {
        let (stderr, unread) = match log {
            Log::Gone => (Stdio::from(pipe()?.1), None),
            Log::Unread => {
                let (reader, writer) = pipe()?;
                (Stdio::from(writer), Some(reader))
            }
            Log::OnDisk => {
                (Stdio::from(File::options().create(true).append(true).open(disk.join("log"))?), None)
            }
        };
        let mut command = Command::new("prlimit");
        command.arg(format!("--nofile={DESCRIPTORS}:{DESCRIPTORS}")).arg(Tidings::binary());
        // That variable is for us, and the server would refuse it.
        command.env_remove("TIDINGS_BINARY").arg("--data-dir").arg(data_dir(disk));
        command.args([format!("--http={}", ports[0]), format!("--grpc={}", ports[1])]);
        command.args(["--log=debug", "--presence-grace=200ms"]);
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("the server has no output")?).read_line(&mut line)?;
        let (http, grpc) = Tidings::addresses(&line)
            .ok_or_else(|| format!("the server said {line:?} and not where it is"))?;
        Ok(Self { child, http, grpc, _unread: unread })
    }

    pub(crate) fn ports(&self) -> [SocketAddr; 2] {
        [self.http, self.grpc]
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }

    pub(crate) fn kill(&mut self) -> Result<(), Failure> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    pub(crate) fn signal(&self, name: &str) -> Result<(), Failure> {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status()?;
        if sent.success() { Ok(()) } else { Err(format!("the server got no SIG{name}: it has ended").into()) }
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        self.signal("TERM")?;
        let latest = Instant::now() + PATIENCE;
        while Instant::now() < latest {
            if let Some(status) = self.child.try_wait()? {
                return if status.success() {
                    Ok(())
                } else {
                    Err(format!("the server ended with {status}").into())
                };
            }
            sleep(Duration::from_millis(10)).await;
        }
        Err("SIGTERM did not end the server".into())
    }

    /// Resident memory, in KiB, and open descriptors.
    pub(crate) fn size(&self) -> Result<(u64, usize), Failure> {
        let directory = PathBuf::from("/proc").join(self.child.id().to_string());
        let status = fs::read_to_string(directory.join("status"))?;
        let resident =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("the server has ended")?;
        let kib = resident.trim().trim_end_matches(" kB").parse()?;
        Ok((kib, fs::read_dir(directory.join("fd"))?.count()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended long ago.
        if self.child.kill().is_ok() {
            self.child.wait().ok();
        }
    }
}

/// Where the server keeps its messages.
pub(crate) fn data_dir(disk: &Path) -> PathBuf {
    disk.join("data")
}

/// The usual limit.
const DESCRIPTORS: u64 = 1_024;
const PATIENCE: Duration = Duration::from_secs(30);
