//! The promises of one subscription that are still open.

use std::fmt;

use bytes::Bytes;
use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::error::Error;

/// Why a promise has no value.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Unfulfilled {
    /// No message came in time.
    TimedOut,
    /// It was cancelled by [`Canceller::cancel`](crate::Canceller::cancel).
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
            Self::Disconnected(_) => "the connection to redis was lost, and the message may be lost too",
            Self::Closed => "the subscription was closed",
        })
    }
}

impl std::error::Error for Unfulfilled {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let Self::Disconnected(error) = self { Some(error) } else { None }
    }
}

/// What became of a promise.
pub(crate) type Outcome = Result<Bytes, Unfulfilled>;

/// The promises of a subscription that are still open, by channel.
#[derive(Debug, Default)]
pub(crate) struct Promises(Mutex<Locked>);

#[derive(Debug, Default)]
struct Locked {
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

    /// Makes one more promise, with a number of its own; none once it is closed.
    pub(crate) fn open(&self, channel: &Bytes) -> Option<(u64, oneshot::Receiver<Outcome>)> {
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
    pub(crate) fn take_back(&self, channel: &Bytes, number: u64, outcome: Option<Outcome>) {
        let mut open = self.0.lock();
        let Some(waiting) = open.by_channel.get_mut(channel) else { return };
        let Some(at) = waiting.iter().position(|(other, _)| *other == number) else { return };
        let (_, sender) = waiting.swap_remove(at);
        if waiting.is_empty() {
            open.by_channel.remove(channel);
        }
        drop(open);
        if let Some(outcome) = outcome {
            settle([(number, sender)].into_iter(), &outcome);
        }
    }
}

/// Hands an outcome out. It is called without the lock, as it wakes the tasks of others.
fn settle(waiting: impl Iterator<Item = (u64, oneshot::Sender<Outcome>)>, outcome: &Outcome) {
    for (_, sender) in waiting {
        // A promise that was dropped meanwhile needs no outcome.
        drop(sender.send(outcome.clone()));
    }
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
