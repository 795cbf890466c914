//! The server under measurement, as a process.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::{env, fs};

use tempfile::TempDir;

/// A server in a process of its own; ends when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    _directory: TempDir,
}

impl Server {
    /// Starts `tidings` or `tidings-glibc`, or one of ours by its name, with mimalloc if that
    /// begins with `mimalloc-`.
    pub(crate) fn start(name: &str) -> Result<Self, Box<dyn Error>> {
        let ours = env::current_exe()?;
        let directory = tempfile::tempdir()?;
        let mut command = if name.starts_with("tidings") {
            let mut command = Command::new(ours.with_file_name(name));
            command.args(["--http=127.0.0.1:0", "--grpc=127.0.0.1:0", "--connections=20000", "--log=error"]);
            command.arg("--data-dir").arg(directory.path().join("data"));
            command
        } else if let Some(name) = name.strip_prefix("mimalloc-") {
            let mut command = Command::new(ours.with_file_name("hub-mimalloc"));
            command.args(["serve", name]);
            command
        } else {
            let mut command = Command::new(ours);
            command.args(["serve", name]);
            command
        };
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("child has no output")?).read_line(&mut line)?;
        // `tidings` says it in a sentence.
        let said = line.split_once("http://").map_or(&*line, |(_, behind)| behind);
        let address = said.split_whitespace().next().and_then(|address| address.parse().ok());
        let address = address.ok_or_else(|| format!("server said {line:?} for its address"))?;
        Ok(Self { child, address, _directory: directory })
    }

    /// Returns its resident memory, in bytes.
    pub(crate) fn resident_bytes(&self) -> Result<u64, Box<dyn Error>> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
    }

    /// Returns the processor time of all its threads, in nanoseconds.
    pub(crate) fn cpu_ns(&self) -> Result<u64, Box<dyn Error>> {
        let mut sum = 0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let schedule = fs::read_to_string(thread?.path().join("schedstat"))?;
            sum += schedule.split(' ').next().ok_or("schedstat is empty")?.parse::<u64>()?;
        }
        Ok(sum)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
