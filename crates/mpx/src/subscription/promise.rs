//! Promises: one message each, on a channel below a prefix.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

use super::inner::{Inner, checked};
use crate::engine::Shared;
use crate::error::{Error, ErrorKind};
use crate::protocol::Kind;
use crate::registry::Standing;
use crate::sink::Receiver;

/// Why a promise has no value.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Unfulfilled {
    /// No message came in time.
    TimedOut,
    /// It was cancelled by [`Canceller::cancel`].
    Cancelled,
    /// The connection was lost: a message may have been, too.
    Disconnected(Error),
    /// The subscription was closed.
    Closed,
}

impl fmt::Display for Unfulfilled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "no message came in time",
            Self::Cancelled => "the promise was cancelled",
            Self::Disconnected(_) => "the connection was lost",
            Self::Closed => "the subscription was closed",
        })
    }
}

impl std::error::Error for Unfulfilled {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let Self::Disconnected(error) = self { Some(error) } else { None }
    }
}

type Outcome = Result<Bytes, Unfulfilled>;

/// The promises of a subscription that are still open, by channel.
#[derive(Debug, Default)]
pub(crate) struct Promises(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    by_channel: HashMap<Bytes, Vec<(u64, oneshot::Sender<Outcome>)>, foldhash::fast::RandomState>,
    made: u64,
    closed: bool,
}

impl Promises {
    pub(crate) fn waits_for(&self, channel: &[u8]) -> bool {
        self.0.lock().by_channel.contains_key(channel)
    }

    /// Gives a message to every promise that waits for it.
    pub(crate) fn fulfil(&self, channel: &Bytes, payload: &Bytes) {
        let waiting = self.0.lock().by_channel.remove(channel);
        settle(waiting.into_iter().flatten(), &Ok(payload.clone()));
    }

    pub(crate) fn fail(&self, error: &Error) {
        let all = std::mem::take(&mut self.0.lock().by_channel);
        settle(all.into_values().flatten(), &Err(Unfulfilled::Disconnected(error.clone())));
    }

    pub(crate) fn close(&self) {
        let mut open = self.0.lock();
        open.closed = true;
        let all = std::mem::take(&mut open.by_channel);
        drop(open);
        settle(all.into_values().flatten(), &Err(Unfulfilled::Closed));
    }

    fn open(&self, channel: &Bytes) -> Option<(u64, oneshot::Receiver<Outcome>)> {
        let mut open = self.0.lock();
        if open.closed {
            return None;
        }
        open.made += 1;
        let (number, (sender, receiver)) = (open.made, oneshot::channel());
        open.by_channel.entry(channel.clone()).or_default().push((number, sender));
        Some((number, receiver))
    }

    /// Takes a promise back, with an outcome if somebody is to hear of it.
    fn take_back(&self, channel: &Bytes, number: u64, outcome: Option<Outcome>) {
        let mut open = self.0.lock();
        let Some(waiting) = open.by_channel.get_mut(channel) else { return };
        let Some(place) = waiting.iter().position(|(other, _)| *other == number) else { return };
        let (_, sender) = waiting.swap_remove(place);
        if waiting.is_empty() {
            open.by_channel.remove(channel);
        }
        drop(open);
        if let Some(outcome) = outcome {
            settle([(number, sender)].into_iter(), &outcome);
        }
    }
}

fn settle(waiting: impl Iterator<Item = (u64, oneshot::Sender<Outcome>)>, outcome: &Outcome) {
    for (_, sender) in waiting {
        // A promise that was dropped meanwhile needs no outcome.
        drop(sender.send(outcome.clone()));
    }
}

/// A subscription to all channels below a prefix, for one message each.
///
/// One `PSUBSCRIBE` serves all its promises: a promise costs no command. Cloning gives another
/// handle of the same subscription, which ends with the last one.
#[derive(Debug, Clone)]
pub struct PromiseSubscription {
    pub(super) inner: Arc<Inner>,
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
        let pattern = checked(&pattern)?;
        let inner = Inner::open(shared, Receiver::Promises(Box::default()))?;
        inner.add(Kind::Pattern, pattern.clone())?;
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
        // After it was opened: what is lost from here on fails it.
        match self.inner.standing(Kind::Pattern, &self.pattern) {
            Standing::Active => {}
            Standing::Absent => return Err(closed()),
            standing @ (Standing::Waiting | Standing::Refused) => {
                canceller.take_back(None);
                let refused = standing == Standing::Refused;
                let kind = if refused { ErrorKind::Refused } else { ErrorKind::Unavailable };
                return Err(Error::new(kind, "the subscription is not active"));
            }
        }
        // Called from outside of a runtime, perhaps.
        let _entered = self.inner.shared.runtime.enter();
        Ok(Promise { canceller, receiver, deadline: Box::pin(sleep_until(deadline)) })
    }

    /// Waits until the subscription is active, then promises; the timeout is for both.
    ///
    /// # Errors
    ///
    /// [`Timeout`](ErrorKind::Timeout) if it was not active in time;
    /// [`Refused`](ErrorKind::Refused) if Redis refuses it; [`Closed`](ErrorKind::Closed) if it was
    /// closed.
    pub async fn wait_for_promise(
        &self,
        suffix: impl AsRef<[u8]>,
        timeout: Duration,
    ) -> Result<Promise, Error> {
        let deadline = after(timeout);
        loop {
            match timeout_at(deadline, self.wait_for_activation()).await {
                Ok(active) => active?,
                Err(_) => {
                    return Err(Error::new(ErrorKind::Timeout, "the subscription was not active in time"));
                }
            }
            match self.promise(suffix.as_ref(), deadline.saturating_duration_since(Instant::now())) {
                // It was lost in between.
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
        self.inner.activated(Kind::Pattern, &self.pattern).await
    }

    /// Ends the subscription: all its promises are [`Closed`](Unfulfilled::Closed).
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
            // It may have come just before.
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
    inner: Arc<Inner>,
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
    now.checked_add(timeout).unwrap_or_else(|| now + Duration::from_hours(24 * 365 * 30))
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the subscription is closed")
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn promises_that_are_over_leave_nothing() {
        let (promises, channel) = (Promises::default(), Bytes::from_static(b"p:1"));
        let open = || promises.open(&channel).unwrap();
        let [(one, mut cancelled), (two, _timed_out), (_, kept)] = [open(), open(), open()];
        promises.take_back(&channel, one, Some(Err(Unfulfilled::Cancelled)));
        assert!(matches!(cancelled.try_recv(), Ok(Err(Unfulfilled::Cancelled))));
        promises.take_back(&channel, two, None);
        assert_eq!(promises.0.lock().by_channel[&channel].len(), 1);
        promises.fulfil(&channel, &Bytes::from_static(b"m"));
        assert_eq!(kept.now_or_never().unwrap().unwrap().unwrap(), "m");
        let (number, _) = promises.open(&channel).unwrap();
        promises.take_back(&channel, number, None);
        assert!(promises.0.lock().by_channel.is_empty());
    }
}
