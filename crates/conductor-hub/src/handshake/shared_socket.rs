//! A TCP socket that the task of a connection shares with its outbox.

use std::io::{self, IoSlice, Read};
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use socket2::{SockRef, Socket};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// Whether a read of less than there was room for shows that nothing more is there, as with epoll.
const SHORT_READS_DRAIN: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// The side of the task: it reads, and writes what is queued.
///
/// The halves of tokio do not fit, as two write here: the task and, while nothing is queued, who
/// delivers. When each of them may, `outbox/direct.rs` says.
#[derive(Debug)]
pub(crate) struct SharedSocket(Arc<TcpStream>);

impl SharedSocket {
    pub(crate) const fn new(socket: Arc<TcpStream>) -> Self {
        Self(socket)
    }

    /// Reads once. Does not look for more behind a short read, which saves a system call.
    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len();
        let mut taken = None;
        let tried = self.0.try_io(Interest::READABLE, || {
            let socket = SockRef::from(&*self.0);
            let mut socket: &Socket = &socket;
            let read = socket.read(buffer)?;
            taken = Some(read);
            // With this error tokio waits for the next event, as its own `poll_read` does behind a
            // short read. An event that came during the read is not lost.
            let is_drained = SHORT_READS_DRAIN && (1..room).contains(&read);
            if is_drained { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        taken.map_or_else(|| tried.map(|()| 0), Ok)
    }

    /// Writes once, when the socket takes something.
    fn poll_once(
        &self,
        cx: &mut Context<'_>,
        mut write: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(cx))?;
            match write(&self.0) {
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }
}

impl AsyncRead for SharedSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(cx))?;
            match self.try_read(buffer.initialize_unfilled()) {
                Ok(read) => {
                    buffer.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {}
                Err(fault) => return Poll::Ready(Err(fault)),
            }
        }
    }
}

impl AsyncWrite for SharedSocket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_once(cx, |socket| socket.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_once(cx, |socket| socket.try_write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Does nothing: what is written is with the system.
    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(match SockRef::from(&*self.0).shutdown(Shutdown::Write) {
            // The peer was faster.
            Err(fault) if fault.kind() == io::ErrorKind::NotConnected => Ok(()),
            shut => shut,
        })
    }
}

/// Connects two sockets; the first one is a hub's.
#[cfg(test)]
pub(crate) async fn connected() -> (Arc<TcpStream>, TcpStream) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (far, near) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    let (near, _) = near.unwrap();
    // Before the runtime has told that the socket takes something, nothing is written directly.
    near.writable().await.unwrap();
    (Arc::new(near), far.unwrap())
}
