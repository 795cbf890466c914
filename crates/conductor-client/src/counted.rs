//! A transport that counts the messages which go into it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::handed::{FrameCounter, Handed};

/// Counts in [`Handed`] what the transport inside takes.
#[derive(Debug)]
pub(crate) struct Counted<T> {
    inner: T,
    counter: FrameCounter,
    handed: Arc<Handed>,
    /// Whether the transport keeps what it takes until it is flushed, as TLS does.
    keeps: bool,
}

impl<T> Counted<T> {
    pub(crate) fn new(inner: T, handed: Arc<Handed>, keeps: bool) -> Self {
        Self { inner, counter: FrameCounter::default(), handed, keeps }
    }

    fn took(&mut self, bytes: &[u8]) {
        if self.handed.is_open() {
            self.counter.take(bytes);
            self.handed.set_begun(self.counter.begun());
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Counted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, into)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Counted<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match ready!(Pin::new(&mut self.inner).poll_write(context, bytes)) {
            Ok(written) => {
                self.took(&bytes[..written]);
                if !self.keeps {
                    self.handed.set_whole(self.counter.whole());
                }
                Poll::Ready(Ok(written))
            }
            Err(error) => {
                // TLS may have written a part before it failed, and does not say how much.
                if self.keeps {
                    self.took(bytes);
                }
                Poll::Ready(Err(error))
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.inner).poll_flush(context))?;
        self.handed.set_whole(self.counter.whole());
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
