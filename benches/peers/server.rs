//! The server under measurement, as a process.

use std::error::Error;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::{io, thread};

use benches::process::ServerProcess;

use crate::peer::Peer;

/// The server of a peer.
pub(crate) struct Server {
    pub(crate) process: ServerProcess,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts the server of a peer, and waits until it says where it listens.
    pub(crate) fn start(peer: &Peer, folder: &Path) -> Result<Self, Box<dyn Error>> {
        let (reader, writer) = io::pipe()?;
        let mut command = peer.command(folder)?;
        // One says it as an answer, another in its log.
        command.stdout(writer.try_clone()?).stderr(writer);
        let process = ServerProcess::start(command)?;
        let mut said = BufReader::new(reader);
        let address = address(&mut said)?;
        // Or its log would fill the pipe one day.
        thread::spawn(move || io::copy(&mut said, &mut io::sink()));
        Ok(Self { process, address })
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
