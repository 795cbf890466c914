//! Servers under measurement, as processes, and what the kernel says about a process.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::process::{Child, ChildStdout, Command, Stdio};

/// A server in a process of its own; killed when dropped.
///
/// Its memory and its processor time are not mixed with those of the clients. Its standard input
/// stays open, so a server that ends with it does not outlive whoever measures.
#[derive(Debug)]
pub struct ServerProcess(Child);

impl ServerProcess {
    /// Starts it.
    ///
    /// # Errors
    ///
    /// If the program cannot be run.
    pub fn start(mut command: Command) -> Result<Self, Box<dyn Error>> {
        let started = command.stdin(Stdio::piped()).spawn();
        let child = started.map_err(|error| format!("{command:?} cannot be run: {error}"))?;
        // With the command its ends of pipes go, so that they end with the server.
        drop(command);
        Ok(Self(child))
    }

    /// Returns its standard output, once, if the command has it piped.
    pub fn output(&mut self) -> Option<ChildStdout> {
        self.0.stdout.take()
    }

    /// Writes an empty line to its standard input.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn nudge(&self) -> Result<(), Box<dyn Error>> {
        let mut input = self.0.stdin.as_ref().ok_or("the server has no standard input")?;
        Ok(input.write_all(b"\n")?)
    }

    /// Returns its resident memory, in bytes.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn resident_bytes(&self) -> Result<f64, Box<dyn Error>> {
        resident_bytes(&self.0.id().to_string())
    }

    /// Returns the processor time of all its threads, in nanoseconds.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn cpu_ns(&self) -> Result<f64, Box<dyn Error>> {
        cpu_ns(&self.0.id().to_string())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Returns the processor time of all threads that a process has, in nanoseconds. Of a thread that
/// is running it may lack the last few milliseconds; that of threads that have ended is lost.
///
/// # Errors
///
/// If there is no such process.
pub fn cpu_ns(process: &str) -> Result<f64, Box<dyn Error>> {
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        // One may end meanwhile: mongod has a thread for each connection.
        let Ok(schedule) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        sum += schedule.split(' ').next().ok_or("schedstat is empty")?.parse::<u64>()?;
    }
    Ok(sum as f64)
}

/// Returns the resident memory of a process, in bytes.
///
/// # Errors
///
/// If there is no such process.
pub fn resident_bytes(process: &str) -> Result<f64, Box<dyn Error>> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse::<f64>()? * 1024.0)
}
