//! Promises: one message each, on a channel below a prefix.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

use super::shared::{Subscription, check};
use crate::engine::Shared;
use crate::error::{Error, ErrorKind};
use crate::protocol::NameKind;
use crate::registry::NameStatus;
use crate::sink::{Outcome, Promises, Receiver, Unfulfilled};

/// A subscription to all channels below a prefix, for one message each.
///
/// One `PSUBSCRIBE` serves all its promises: a promise costs no command. Cloning gives another
/// handle of the same subscription, which ends with the last one.
#[derive(Debug, Clone)]
pub struct PromiseSubscription {
    pub(super) inner: Arc<Subscription>,
    prefix: Bytes,
    pattern: Bytes,
}

impl PromiseSubscription {
    pub(crate) fn open(shared: &Arc<Shared>, prefix: &[u8]) -> Result<Self, Error> {
        let mut pattern = Vec::with_capacity(prefix.len() + 1);
        for byte in prefix {
            if b"*?[\\".contains(byte) {
                pattern.push(b'\\');
            }
            pattern.push(*byte);
        }
        pattern.push(b'*');
        check(&pattern)?;
        let pattern = Bytes::from(pattern);
        let inner = Subscription::open(shared, Receiver::Promises(Box::default()))?;
        inner.add(NameKind::Pattern, [pattern.clone()])?;
        Ok(Self { inner: Arc::new(inner), prefix: Bytes::copy_from_slice(prefix), pattern })
    }

    /// Returns the channel on which the message of a promise has to come.
    #[must_use]
    pub fn channel(&self, suffix: impl AsRef<[u8]>) -> Bytes {
        [&self.prefix, suffix.as_ref()].concat().into()
    }

    /// Promises the first message on prefix and suffix that comes from now on.
    ///
    /// The message may have been published a moment before.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](ErrorKind::Unavailable) while the subscription is not active: a message
    /// might be missed; [`Refused`](ErrorKind::Refused) if Redis refuses it;
    /// [`Closed`](ErrorKind::Closed) if it was closed.
    pub fn promise(&self, suffix: impl AsRef<[u8]>, timeout: Duration) -> Result<Promise, Error> {
        let (channel, deadline) = (self.channel(suffix), after(timeout));
        let Some((number, receiver)) = self.promises().open(&channel) else { return Err(closed()) };
        let canceller = Canceller { inner: Arc::clone(&self.inner), channel, number };
        // The order matters: the promise is open before the status is read, so that a loss of the
        // connection in between fails it.
        match self.inner.name_status(NameKind::Pattern, &self.pattern) {
            NameStatus::Active => {}
            NameStatus::Absent => return Err(closed()),
            name_status @ (NameStatus::Waiting | NameStatus::Refused) => {
                canceller.take_back(None);
                let (kind, why) = if name_status == NameStatus::Refused {
                    (ErrorKind::Refused, "refused the subscription; the log says why")
                } else {
                    let why = "has not confirmed the subscription yet; wait until it is active";
                    (ErrorKind::Unavailable, why)
                };
                return Err(Error::new(kind, format!("{} {why}", self.inner.shared.server)));
            }
        }
        // The caller may be outside of a runtime, and a timer needs one.
        let _entered = self.inner.shared.runtime.enter();
        Ok(Promise { canceller, receiver, deadline: Box::pin(sleep_until(deadline)) })
    }

    /// Waits until the subscription is active, then promises.
    ///
    /// The timeout is the promise's: its time begins when the subscription is active. The wait
    /// before has no bound of its own; the caller sets one, with `tokio::time::timeout` say.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped nothing was promised.
    ///
    /// # Errors
    ///
    /// [`Refused`](ErrorKind::Refused) if Redis refuses it; [`Closed`](ErrorKind::Closed) if it was
    /// closed.
    pub async fn wait_for_promise(
        &self,
        suffix: impl AsRef<[u8]>,
        timeout: Duration,
    ) -> Result<Promise, Error> {
        self.when_active(|| self.promise(suffix.as_ref(), timeout)).await
    }

    /// Waits until the subscription is active, then promises; the timeout is for both.
    pub(crate) async fn promise_within(&self, suffix: &[u8], timeout: Duration) -> Result<Promise, Error> {
        let deadline = after(timeout);
        let promise = || self.promise(suffix, deadline.saturating_duration_since(Instant::now()));
        timeout_at(deadline, self.when_active(promise)).await.unwrap_or_else(|_| {
            let message = format!("{} did not confirm the subscription in time", self.inner.shared.server);
            Err(Error::new(ErrorKind::Timeout, message))
        })
    }

    async fn when_active(&self, promise: impl Fn() -> Result<Promise, Error>) -> Result<Promise, Error> {
        loop {
            self.wait_for_activation().await?;
            match promise() {
                // The connection was lost in between: wait for the next one.
                Err(error) if error.kind() == ErrorKind::Unavailable => {}
                promise => return promise,
            }
        }
    }

    /// Waits until Redis has confirmed the subscription; at once if it has.
    ///
    /// # Errors
    ///
    /// [`Refused`](ErrorKind::Refused) if Redis refuses it; [`Closed`](ErrorKind::Closed) if it was
    /// closed.
    pub async fn wait_for_activation(&self) -> Result<(), Error> {
        self.inner.activated(NameKind::Pattern, &self.pattern).await
    }

    /// Ends the subscription: all its promises are [`Closed`](Unfulfilled::Closed).
    ///
    /// It may be called any number of times.
    pub fn close(&self) {
        self.inner.close();
    }

    fn promises(&self) -> &Promises {
        self.inner.promises()
    }
}

/// The first message on a channel, once it has come.
///
/// Dropping it takes it back.
#[derive(Debug)]
pub struct Promise {
    canceller: Canceller,
    receiver: oneshot::Receiver<Outcome>,
    deadline: Pin<Box<Sleep>>,
}

impl Promise {
    /// Returns the channel that the message has to be published on.
    #[must_use]
    pub fn channel(&self) -> &Bytes {
        &self.canceller.channel
    }

    /// Returns something that can cancel the promise from elsewhere.
    #[must_use]
    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }
}

impl Future for Promise {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        if let Poll::Ready(outcome) = Pin::new(&mut self.receiver).poll(context) {
            return Poll::Ready(outcome.unwrap_or(Err(Unfulfilled::Closed)));
        }
        self.deadline.as_mut().poll(context).map(|()| {
            self.canceller.take_back(None);
            // The message may have come just before the promise was taken back.
            self.receiver.try_recv().unwrap_or(Err(Unfulfilled::TimedOut))
        })
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.canceller.take_back(None);
    }
}

/// Cancels a promise, which is [`Cancelled`](Unfulfilled::Cancelled) then.
#[derive(Debug, Clone)]
pub struct Canceller {
    inner: Arc<Subscription>,
    channel: Bytes,
    number: u64,
}

impl Canceller {
    /// Cancels the promise, unless it has its outcome.
    pub fn cancel(&self) {
        self.take_back(Some(Err(Unfulfilled::Cancelled)));
    }

    fn take_back(&self, outcome: Option<Outcome>) {
        self.inner.promises().take_back(&self.channel, self.number, outcome);
    }
}

/// The end of a timeout, which may be longer than time is counted.
fn after(timeout: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(timeout).unwrap_or_else(|| now + Duration::from_secs(24 * 365 * 30 * 60 * 60))
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the subscription was closed")
}
