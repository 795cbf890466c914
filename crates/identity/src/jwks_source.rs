//! A key set that changes while the program runs.
//!
//! One task fetches. Whoever meets a key that is not known asks it and waits for its answer:
//!
//! ```text
//! asked, or long enough since the last time ──► fetched lately? ──no──► fetch ──► answers all who wait
//!                                                    └──yes──► answered at once, with what there is
//! ```

mod config;
mod connector;
mod fetcher;
mod refresher;
mod state;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use self::fetcher::{Fetcher, Location};
use self::refresher::{Ask, Known, Refresher};
use crate::error::{Error, ErrorKind};
use crate::key_set::KeySet;

pub use self::config::JwksConfig;
pub use self::state::JwksState;

/// A key set (JWKS) in a file or at an address, whose keys change.
///
/// It is read again when a key is not known, and every now and then.
/// While it cannot be read, the last keys that could stay. Cloning is cheap; dropping the last
/// clone ends its task without waiting.
#[derive(Clone)]
pub struct JwksSource {
    known: Arc<Known>,
    asks: mpsc::Sender<Ask>,
    tracker: TaskTracker,
    stop: CancellationToken,
    _last: Arc<DropGuard>,
}

impl JwksSource {
    /// Reads the keys for the first time, and begins to keep them.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if a setting is wrong, what is read is no key set that can be
    /// used, or this is called outside of a tokio runtime; [`Unavailable`](ErrorKind::Unavailable)
    /// if the file or the address cannot be read, an address only unless it
    /// [may come later](JwksConfig::may_come_later).
    pub async fn start(config: JwksConfig) -> Result<Self, Error> {
        if Handle::try_current().is_err() {
            return Err(Error::config("a key set must be started inside a tokio runtime"));
        }
        let location = config.validate()?;
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let may_come_later = config.may_come_later && matches!(location, Location::Address(_));
        let fetcher = Fetcher::new(location, config.timeout, &tracker)?;
        let known = match fetcher.fetch().await {
            Ok(fetched) => Known::new(fetched),
            Err(error) if may_come_later && error.kind() == ErrorKind::Unavailable => Known::absent(&error),
            Err(error) => return Err(error),
        };
        let known = Arc::new(known);
        let (asks, asked) = mpsc::channel(config.waiters_max);
        let refresher = Refresher::new(Arc::clone(&known), fetcher, &config);
        tracker.spawn(refresher.run(asked, stop.clone()));
        let _last = Arc::new(stop.clone().drop_guard());
        Ok(Self { known, asks, tracker, stop, _last })
    }

    /// Reads the keys again, now.
    ///
    /// # Cancel safety
    ///
    /// It may be dropped at any time; what was begun goes on.
    ///
    /// # Errors
    ///
    /// Why they could not be read; the last ones stay. [`Full`](ErrorKind::Full) if too many wait,
    /// [`Closed`](ErrorKind::Closed) after the shutdown.
    pub async fn reload(&self) -> Result<(), Error> {
        let (answer, answered) = oneshot::channel();
        self.asks.try_send(Ask::Reload(answer)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                Error::new(ErrorKind::Full, "too many wait for the key set already")
            }
            mpsc::error::TrySendError::Closed(_) => closed(),
        })?;
        answered.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Returns the keys that were read last.
    ///
    /// [`KeySet::left_out`] tells of those that cannot be used; the log does, too.
    #[must_use]
    pub fn current(&self) -> KeySet {
        self.keys().1
    }

    /// Returns whether the keys could be read the last time, and changes of that.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<JwksState> {
        self.known.state()
    }

    /// Ends the task, and returns whether that was done within `grace`.
    ///
    /// The keys stay as they are. A second call waits for the same end.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        timeout(grace, self.tracker.wait()).await.is_ok()
    }

    /// The keys, and a number that is another one after each change.
    pub(crate) fn keys(&self) -> (u64, KeySet) {
        self.known.keys()
    }

    /// Looks for keys that are newer than those of a version, unless that was done lately; says
    /// whether there are any.
    ///
    /// Who comes when too many wait is told that there are none.
    pub(crate) async fn look_for_new_keys(&self, before: u64) -> bool {
        // They may have come while a token was verified with those before.
        if self.keys().0 != before {
            return true;
        }
        let (answer, answered) = oneshot::channel();
        if self.asks.try_send(Ask::NewKeys(answer)).is_err() {
            return false;
        }
        answered.await.is_ok() && self.keys().0 != before
    }
}

impl fmt::Debug for JwksSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwksSource").field("known", &self.known).finish_non_exhaustive()
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the key set was shut down")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn who_has_read_older_keys_is_told_that_there_are_newer_ones() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.json");
        let keys = format!(r#"{{"keys":[{{"kty":"oct","k":"{}"}}]}}"#, "A".repeat(43));
        fs::write(&path, keys).unwrap();
        let source = JwksSource::start(JwksConfig::new(path.to_str().unwrap())).await.unwrap();
        let (version, _) = source.keys();
        assert!(!source.look_for_new_keys(version).await);
        // Another one had them fetched after this one had read its keys, and that was lately.
        assert!(source.look_for_new_keys(version - 1).await);
    }
}
