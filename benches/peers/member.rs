//! A client that is a member of the channel.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::peer::Peer;
use crate::wire::{Heard, Wire};

/// How long a server may take to let a member join.
const JOIN_TIMEOUT: Duration = Duration::from_secs(30);

/// A member that hears what the others write.
pub(crate) struct Member {
    socket: Arc<TcpStream>,
    wire: Box<dyn Wire>,
    /// What has come of the next frame.
    rest: Vec<u8>,
}

/// The side of a member that writes.
#[derive(Clone)]
pub(crate) struct Speaker(Arc<TcpStream>);

impl Member {
    /// Connects, and waits until the server has made it a member.
    pub(crate) async fn join(peer: &Peer, address: SocketAddr) -> Result<Self, Fault> {
        let socket = Arc::new(TcpStream::connect(address).await?);
        socket.set_nodelay(true)?;
        let mut member = Self { socket, wire: (peer.wire)(), rest: Vec::new() };
        member.speaker().send(&member.wire.opening(address)).await?;
        let joined = async {
            let mut buffer = [0; 2_048];
            while !member.wire.has_joined() {
                member.read(&mut buffer).await?;
            }
            Ok::<_, Fault>(member)
        };
        timeout(JOIN_TIMEOUT, joined).await.map_err(|_elapsed| "the server let nobody join for 30 s")?
    }

    /// Returns the side that writes.
    pub(crate) fn speaker(&self) -> Speaker {
        Speaker(Arc::clone(&self.socket))
    }

    /// Reads once, answers what has to be answered, and returns how many messages have come.
    pub(crate) async fn read(&mut self, buffer: &mut [u8]) -> Result<u64, Fault> {
        let read = loop {
            self.socket.readable().await?;
            match self.socket.try_read(buffer) {
                Ok(0) => return Err("the server closed a connection".into()),
                Ok(read) => break read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        };
        self.rest.extend_from_slice(&buffer[..read]);
        let (mut taken, mut messages, mut answer) = (0, 0, Vec::new());
        while let Some((bytes, heard)) = self.wire.take(&self.rest[taken..], &mut answer)? {
            taken += bytes;
            messages += u64::from(heard == Heard::Message);
        }
        self.rest.drain(..taken);
        if !answer.is_empty() {
            self.speaker().send(&answer).await?;
        }
        Ok(messages)
    }
}

impl Speaker {
    /// Writes all of it. It is whole frames, and small enough for the socket to take at once, so
    /// that two who write come one behind the other.
    pub(crate) async fn send(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.0.writable().await?;
            match self.0.try_write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// What goes wrong in a task.
pub(crate) type Fault = Box<dyn Error + Send + Sync>;
