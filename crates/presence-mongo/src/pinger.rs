//! The handle of whoever is alive.

use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::base::Base;
use crate::error::{Error, ErrorKind};
use crate::keys;
use crate::local_beings::{LocalBeings, lost};
use crate::newcomer::{Newcomer, Purpose};
use crate::slots::Sequence;

/// Says that a key is alive, from its start to its end.
///
/// All pingers of a process and a namespace share one write for each time slot, so a thousand of
/// them cost the database hardly more than one does. Any number of them may have the same key: the
/// one that started last decides.
///
/// Dropping it is the same as [`stop`](Self::stop). It keeps its [`Base`] alive.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> Result<(), presence_mongo::Error> {
/// use presence_mongo::{Base, Config, Pinger};
///
/// let base = Base::start(Config::new("mongodb://127.0.0.1:27017")).await?;
/// let mut pinger = Pinger::new(&base, "machine 7")?;
/// pinger.start().await?; // every watcher sees it within milliseconds
/// pinger.kill().await?; // and that it is dead
/// # Ok(())
/// # }
/// ```
pub struct Pinger {
    base: Base,
    key: Arc<str>,
    /// Its being while it pings.
    sequence: Option<Sequence>,
}

impl Pinger {
    /// Makes a pinger for a key, which does nothing before it is started.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) if the key has not 1 to 1,024 bytes.
    pub fn new(base: &Base, key: impl Into<String>) -> Result<Self, Error> {
        let key = keys::checked(key.into())?;
        Ok(Self { base: base.clone(), key, sequence: None })
    }

    /// Starts to ping, and returns when its first ping was acknowledged.
    ///
    /// The [timeout](crate::LinkConfig::timeout) of the link bounds the whole of it, with all that
    /// has to be written and all attempts. When it is over the start is given up: an attempt that
    /// is under way goes on to its end, and the pinger does not ping for it.
    ///
    /// It may be started again after it was stopped or killed; watchers see no gap if that is soon.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped the pinger is not started; its key may look alive for up to two time slots.
    ///
    /// # Errors
    ///
    /// [`Started`](ErrorKind::Started) if it pings already;
    /// [`Unavailable`](ErrorKind::Unavailable) if the database did not acknowledge it in that time:
    /// then it is not started, though its key may look alive for up to two time slots;
    /// [`Refused`](ErrorKind::Refused) if its user may not write;
    /// [`Closed`](ErrorKind::Closed) if the base was shut down.
    pub async fn start(&mut self) -> Result<(), Error> {
        if self.sequence.is_some() {
            return Err(Error::new(ErrorKind::Started, "the pinger has been started already"));
        }
        let (reply, outcome) = oneshot::channel();
        let until = self.until();
        self.enter(Purpose::Start(reply), until)?;
        // Dropped with an error, or by whoever waits, it takes back what comes late.
        let mut start = Start { beings: self.beings(), outcome };
        let sequence = self.outcome("the start", until, &mut start.outcome).await?;
        drop(start);
        self.sequence = Some(sequence);
        self.base.shared().metrics.starts.increment(1);
        Ok(())
    }

    /// Stops pinging, silently: watchers see it by age, after up to two time slots.
    ///
    /// It may be called any number of times, also before it was ever started.
    pub fn stop(&mut self) {
        if let Some(sequence) = self.sequence.take() {
            self.beings().stop(sequence);
        }
    }

    /// Stops pinging and says that the key is dead; returns when that was acknowledged.
    ///
    /// It works on a pinger that is stopped or was never started, too: the key is dead then, even
    /// if other pingers ping it. An older pinger that still pings makes the key alive again,
    /// two time slots later.
    ///
    /// It is bounded as [`start`](Self::start) is. An attempt that is under way when time is up
    /// goes on to its end, so the key may be killed after the error.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped the key is killed all the same.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start), except for `Started`. It pings no more, whatever is returned.
    pub async fn kill(&mut self) -> Result<(), Error> {
        let (reply, mut outcome) = oneshot::channel();
        let until = self.until();
        match self.sequence.take() {
            Some(sequence) => self.beings().kill(sequence, until, reply)?,
            None => self.enter(Purpose::Kill(reply), until)?,
        }
        self.outcome("the kill", until, &mut outcome).await?;
        self.base.shared().metrics.kills.increment(1);
        Ok(())
    }

    /// Returns its key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Says whether it pings: it was started, and not stopped or killed since.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.sequence.is_some()
    }

    /// Returns why its last ping was not acknowledged.
    ///
    /// `None` says that it was, or that the pinger does not ping.
    ///
    /// The ping is tried again by itself. If that fails for a whole time slot watchers may say that
    /// the key is dead.
    #[must_use]
    pub fn error(&self) -> Option<Error> {
        self.sequence.and_then(|_| self.beings().error())
    }

    fn enter(&self, purpose: Purpose, until: Instant) -> Result<(), Error> {
        self.beings().enter(Newcomer { key: Arc::clone(&self.key), purpose, until })
    }

    /// Waits for an outcome as long as a call may take. What it waits for are several calls in a
    /// row, each of which has a time of its own.
    async fn outcome<T>(
        &self,
        what: &str,
        until: Instant,
        outcome: &mut oneshot::Receiver<Result<T, Error>>,
    ) -> Result<T, Error> {
        match timeout_at(until, outcome).await {
            Ok(outcome) => outcome.unwrap_or_else(|_gone| Err(lost())),
            Err(_elapsed) => {
                let limit = self.base.shared().link.timeout();
                Err(Error::late(what, limit, self.beings().last_failure().as_ref()))
            }
        }
    }

    fn beings(&self) -> &LocalBeings {
        &self.base.space().beings
    }

    fn until(&self) -> Instant {
        Instant::now() + self.base.shared().link.timeout()
    }
}

impl fmt::Debug for Pinger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, sequence, base: _ } = self;
        f.debug_struct("Pinger").field("key", key).field("sequence", sequence).finish_non_exhaustive()
    }
}

impl Drop for Pinger {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A start that is under way. If it is dropped with its outcome nobody could ever stop the being.
struct Start<'a> {
    beings: &'a LocalBeings,
    outcome: oneshot::Receiver<Result<Sequence, Error>>,
}

impl Drop for Start<'_> {
    fn drop(&mut self) {
        self.outcome.close();
        if let Ok(Ok(sequence)) = self.outcome.try_recv() {
            self.beings.stop(sequence);
        }
    }
}
