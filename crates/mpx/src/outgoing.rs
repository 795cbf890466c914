//! Commands on their way into a connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::connection::Transport;

/// Bytes that are not written yet, or not pushed out.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    bytes: Vec<u8>,
    written: usize,
    /// A connection may keep what it took: TLS does.
    unflushed: bool,
    /// Whether the connection had no room for more.
    blocked: bool,
    /// Whether it has taken more after that: somebody reads at the other end.
    progressed: bool,
}

impl Outgoing {
    /// Whether all was written.
    pub(crate) fn is_written(&self) -> bool {
        self.written == self.bytes.len()
    }

    /// Whether the other end took something that it had no room for before, since the last call.
    pub(crate) fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.progressed)
    }

    /// Where more goes.
    pub(crate) fn room(&mut self) -> &mut Vec<u8> {
        if self.is_written() {
            self.bytes.clear();
            // A long name, or many names at once, made the buffer large. That is the exception, so
            // the memory is given back.
            self.bytes.shrink_to(KEPT_MAX);
            self.written = 0;
        }
        &mut self.bytes
    }

    /// Writes and pushes out; ready when that was done to the end, pending also if there is
    /// nothing.
    pub(crate) fn poll(
        &mut self,
        transport: &mut dyn Transport,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.is_written() {
            let rest = &self.bytes[self.written..];
            let Poll::Ready(count) = Pin::new(&mut *transport).poll_write(context, rest)? else {
                self.blocked = true;
                return Poll::Pending;
            };
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += count;
            self.progressed |= std::mem::take(&mut self.blocked);
            self.unflushed = true;
        }
        if !self.unflushed {
            return Poll::Pending;
        }
        ready!(Pin::new(&mut *transport).poll_flush(context))?;
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }
}

// In bytes: four times what the task of a multiplexer makes at once.
const KEPT_MAX: usize = 256 * 1024;
