//! A stream that somebody sends to a channel.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_core::Stream;
use tokio::io::{AsyncRead, ReadBuf};

use crate::error::Error;
use crate::mailbox::Mailbox;

/// A stream that somebody sends to a channel, to be read to its end.
///
/// It is read as bytes by `AsyncRead`, or piece by piece by [`next`](Self::next). Only after the
/// end, `Ok` with no bytes or `None`, all of it is there. Before that it fails with an error of
/// kind [`Aborted`](crate::ErrorKind::Aborted) if its sender gave up or was lost, or if this client
/// has unbound from the channel, [`Uncertain`](crate::ErrorKind::Uncertain) if this client's
/// connection was lost, whatever it does later, [`Protocol`](crate::ErrorKind::Protocol) if its
/// messages cannot be told from those of another stream, and
/// [`Overflow`](crate::ErrorKind::Overflow) if it was not read in time, see
/// [`Config::stream_pause_max`](crate::Config::stream_pause_max). A failed stream stays so.
///
/// Dropping it leaves the rest of it out.
#[derive(Debug)]
#[must_use = "a stream that is dropped is left out"]
pub struct IncomingStream {
    channel: Arc<str>,
    uuid: Arc<str>,
    pieces: Arc<Mailbox<Bytes>>,
    /// What is left of the last piece.
    rest: Bytes,
    failure: Option<Error>,
}

impl IncomingStream {
    pub(super) const fn new(channel: Arc<str>, uuid: Arc<str>, pieces: Arc<Mailbox<Bytes>>) -> Self {
        Self { channel, uuid, pieces, rest: Bytes::new(), failure: None }
    }

    /// Returns the channel that it is sent to.
    #[must_use]
    pub fn channel(&self) -> &str {
        &self.channel
    }

    /// Returns the uuid of its start, which its sender chose.
    #[must_use]
    pub fn uuid(&self) -> &str {
        &self.uuid
    }

    /// Returns the next piece, or what is left of one; `None` after the last.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has taken nothing.
    ///
    /// # Errors
    ///
    /// That of the stream, as its own documentation says.
    pub async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        poll_fn(|context| self.poll_piece(context)).await
    }

    fn poll_piece(&mut self, context: &Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.rest))));
        }
        if let Some(failure) = &self.failure {
            return Poll::Ready(Some(Err(failure.clone())));
        }
        let piece = ready!(self.pieces.poll_next(context));
        if let Some(Err(failure)) = &piece {
            self.failure = Some(failure.clone());
        }
        Poll::Ready(piece)
    }
}

impl AsyncRead for IncomingStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // An empty piece is none: to a reader it would be the end.
        while self.rest.is_empty() {
            match ready!(self.poll_piece(context)) {
                Some(Ok(piece)) => self.rest = piece,
                Some(Err(error)) => return Poll::Ready(Err(error.into())),
                None => return Poll::Ready(Ok(())),
            }
        }
        let len = self.rest.len().min(into.remaining());
        into.put_slice(&self.rest[..len]);
        self.rest.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl Stream for IncomingStream {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_piece(context)
    }
}

impl Drop for IncomingStream {
    fn drop(&mut self) {
        self.pieces.abandon();
    }
}
