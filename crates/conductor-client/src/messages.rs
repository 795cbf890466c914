//! The stream of what a hub sends.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::error::Error;
use crate::event::Event;
use crate::mailbox::Mailbox;

/// What a hub sends, and how the connection is, from the subscription on.
///
/// It keeps no client open. Dropping it ends it, as [`close`](Self::close) does.
///
/// # Lagging
///
/// What happens when it is not read in time is its [`Policy`](crate::Policy). With the default the
/// oldest events go, and an error of kind `Lagged` says how many; the stream goes on after it.
#[derive(Debug)]
#[must_use = "a subscription takes what comes only while it is there"]
pub struct Messages {
    mailbox: Arc<Mailbox<Event>>,
}

impl Messages {
    pub(crate) const fn new(mailbox: Arc<Mailbox<Event>>) -> Self {
        Self { mailbox }
    }

    /// Returns the next event; `None` once the client has ended and all was read.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has taken nothing.
    ///
    /// # Errors
    ///
    /// [`Lagged`](crate::ErrorKind::Lagged) if events were dropped before this one, and
    /// [`Overflow`](crate::ErrorKind::Overflow) as the last if they closed the subscription.
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        poll_fn(|context| self.mailbox.poll_next(context)).await
    }

    /// Ends the subscription; it may be called any number of times.
    pub fn close(&self) {
        self.mailbox.abandon();
        self.mailbox.end(None);
    }
}

impl Stream for Messages {
    type Item = Result<Event, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.mailbox.poll_next(context)
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        self.close();
    }
}
