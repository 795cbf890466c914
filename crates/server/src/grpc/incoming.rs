//! Accepts gRPC connections: each has a permit, and is cut off when it loses it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::{Stream, stream};
use tidings::hub::PeerAddress;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::transport::server::Connected;

use crate::listen::{ConnectionHandle, ConnectionPermit, LimitedListener};

/// What every client of HTTP/2 begins with, in bytes. Source: RFC 9113, section 3.4.
const PREFACE: usize = 24;

/// The connections of a listener.
pub(super) fn connections(door: LimitedListener) -> impl Stream<Item = io::Result<PermittedStream>> + Send {
    stream::unfold(door, async |door| {
        let (stream, permit) = door.next().await;
        let closed = Box::pin(permit.closed().cancelled_owned());
        // A peer that is gone already has no address any more.
        let peer = stream.peer_addr().ok().map(PeerAddress::new);
        Some((Ok(PermittedStream { stream, peer, read: 0, permit, closed }), door))
    })
}

/// A connection that gives its permit back when it ends, and ends when it loses it.
pub(super) struct PermittedStream {
    stream: TcpStream,
    peer: Option<PeerAddress>,
    read: usize,
    permit: ConnectionPermit,
    closed: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl PermittedStream {
    /// An error once the connection has to go, for writers as well: one who does not read holds
    /// those up.
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        // To poll it also leaves the waker of this task with it: the connection is woken when it
        // has to go, although nothing comes over its socket.
        match self.closed.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(()),
        }
    }
}

/// What the requests of a connection know of it, in the one extension that there is for that.
#[derive(Debug, Clone)]
pub(super) struct ConnectionInfo {
    handle: ConnectionHandle,
    peer: Option<PeerAddress>,
}

/// The outermost middleware: gives each request the extensions that requests over HTTP have.
pub(super) async fn introduce(mut request: Request, next: Next) -> Response {
    let extensions = request.extensions_mut();
    if let Some(ConnectionInfo { handle, peer }) = extensions.remove::<ConnectionInfo>() {
        extensions.insert(handle);
        if let Some(peer) = peer {
            extensions.insert(peer);
        }
    }
    next.run(request).await
}

impl Connected for PermittedStream {
    type ConnectInfo = ConnectionInfo;

    fn connect_info(&self) -> ConnectionInfo {
        ConnectionInfo { handle: self.permit.handle(), peer: self.peer }
    }
}

impl AsyncRead for PermittedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if self.read < PREFACE {
            self.read += buffer.filled().len() - before;
            if self.read >= PREFACE {
                self.permit.handshake_done();
            }
        }
        polled
    }
}

impl AsyncWrite for PermittedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Not checked: a connection that has to go may still close its side.
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
