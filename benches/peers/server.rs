//! The server under measurement, as a process.

use std::error::Error;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};
use std::{io, thread};

use benches::process;

use crate::peer::Peer;

/// A server in a process of its own; ends when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts the server of a peer, and waits until it says where it listens.
    pub(crate) fn start(peer: &Peer, folder: &Path) -> Result<Self, Box<dyn Error>> {
        let (reader, writer) = io::pipe()?;
        let mut command = peer.command(folder)?;
        // One says it as an answer, another in its log.
        command.stdin(Stdio::piped()).stdout(writer.try_clone()?).stderr(writer);
        let child = command.spawn().map_err(|error| format!("{command:?} cannot be run: {error}"))?;
        // With the command the writing ends of the pipe go: the pipe ends with the server.
        drop(command);
        let mut said = BufReader::new(reader);
        let address = address(&mut said)?;
        // Or its log would fill the pipe one day.
        thread::spawn(move || io::copy(&mut said, &mut io::sink()));
        Ok(Self { child, address })
    }

    /// Returns its resident memory, in bytes.
    pub(crate) fn resident_bytes(&self) -> Result<f64, Box<dyn Error>> {
        process::resident_bytes(&self.child.id().to_string())
    }

    /// Returns the processor time of all its threads, in nanoseconds.
    pub(crate) fn cpu_ns(&self) -> Result<f64, Box<dyn Error>> {
        process::cpu_ns(&self.child.id().to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Reads until a line ends in an address.
fn address(said: &mut impl BufRead) -> Result<SocketAddr, Box<dyn Error>> {
    let mut lines = String::new();
    loop {
        let before = lines.len();
        // Bounded, whatever it says.
        if said.take(64 * 1024).read_line(&mut lines)? == 0 || lines.len() > 64 * 1024 {
            return Err(format!("the server did not say where it listens, but: {lines}").into());
        }
        let last = lines[before..].split_whitespace().last();
        if let Some(address) = last.and_then(|last| last.parse().ok()) {
            return Ok(address);
        }
    }
}
