//! Streams of others, as they begin.

mod delivery;
mod incoming;
mod strays;
mod table;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

pub(crate) use self::delivery::StreamDelivery;
pub use self::incoming::IncomingStream;
use crate::error::Error;
use crate::mailbox::Mailbox;

/// The streams that others send to the channels of a client, from now on.
///
/// Each is given once it has begun, and is read by itself. Of those that are not asked for in time
/// the oldest go, and an error of kind [`Lagged`](crate::ErrorKind::Lagged) says how many. Streams
/// that begin while nobody has asked for any are left out.
#[derive(Debug)]
#[must_use = "streams are taken only while somebody asks for them"]
pub struct Streams {
    mailbox: Arc<Mailbox<IncomingStream>>,
}

impl Streams {
    pub(crate) const fn new(mailbox: Arc<Mailbox<IncomingStream>>) -> Self {
        Self { mailbox }
    }

    /// Returns the next stream; `None` once the client has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has taken nothing.
    ///
    /// # Errors
    ///
    /// [`Lagged`](crate::ErrorKind::Lagged) if streams were left out before this one.
    pub async fn next(&mut self) -> Option<Result<IncomingStream, Error>> {
        poll_fn(|context| self.mailbox.poll_next(context)).await
    }

    /// Ends it; it may be called any number of times.
    pub fn close(&self) {
        self.mailbox.abandon();
        self.mailbox.end(None);
    }
}

impl Stream for Streams {
    type Item = Result<IncomingStream, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.mailbox.poll_next(context)
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        self.close();
    }
}
