//! Waiting for what a server does not announce.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;

/// Bounds a loop that asks a server about itself until it likes the answer: Redis tells nobody when
/// a cluster has found together or a replica is in sync.
#[derive(Debug)]
pub(super) struct Patience {
    what: &'static str,
    end: Instant,
}

impl Patience {
    /// Begins to wait for `what`, as in "waited for … in vain".
    pub(super) fn for_the(what: &'static str) -> Self {
        Self { what, end: Instant::now() + LIMIT }
    }

    /// Waits a little before the next question; an error once there was enough of them. `answer` is
    /// the last one.
    pub(super) async fn wait(&self, answer: &str) -> Result<()> {
        if Instant::now() >= self.end {
            let message = format!("waited {LIMIT:?} for the {} in vain: {answer}", self.what);
            return Err(Error::new(ErrorKind::Timeout, message));
        }
        tokio::time::sleep(INTERVAL).await;
        Ok(())
    }
}

/// Everything takes a few seconds at most on an idle machine.
const LIMIT: Duration = Duration::from_secs(60);
const INTERVAL: Duration = Duration::from_millis(20);
