//! Connects again and again, each time later.

use std::mem::take;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::Instrument;

use crate::backoff::Backoff;
use crate::config::Config;
use crate::connection::{Dialer, Transport};
use crate::error::Error;
use crate::random::Dice;
use crate::server::Server;

/// Makes one connection after the other.
pub(crate) struct Reconnect {
    dialer: Dialer,
    backoff: Backoff,
    /// A connection that lived as long as this was of use. It is half of the longest wait, as waits
    /// are half of their bound in the mean.
    settled: Duration,
    /// How long the connection lived that was lost: so much of the next wait is over.
    lived: Duration,
    /// Attempts since there was a connection.
    failed: u64,
}

impl Reconnect {
    pub(crate) fn new(dialer: Dialer, config: &Config) -> Self {
        let backoff = Backoff::new(config.backoff_min, config.backoff_max);
        Self { dialer, backoff, settled: config.backoff_max / 2, lived: Duration::ZERO, failed: 0 }
    }

    pub(crate) fn address(&self) -> String {
        self.dialer.address()
    }

    pub(crate) fn server(&self) -> &Server {
        self.dialer.server()
    }

    /// Waits as long as has to be, and makes one attempt.
    pub(crate) async fn attempt(&mut self, dice: &Dice) -> Result<Box<dyn Transport>, Error> {
        let wait = self.backoff.next(dice.fraction());
        sleep(wait.saturating_sub(take(&mut self.lived))).await;
        self.attempt_now().await
    }

    /// Makes one attempt at once.
    pub(crate) async fn attempt_now(&mut self) -> Result<Box<dyn Transport>, Error> {
        let address = self.address();
        let opened = self.dialer.open().instrument(tracing::info_span!("connect", address)).await;
        match &opened {
            Ok(_) => {
                tracing::info!(address, failed = self.failed, "connected to redis");
                self.failed = 0;
            }
            Err(error) => {
                // One line for an outage, not one for each attempt.
                if self.failed == 0 {
                    tracing::warn!(
                        address,
                        error = %format_args!("{error:#}"),
                        "cannot connect to redis; trying again"
                    );
                }
                self.failed += 1;
            }
        }
        opened
    }

    /// A connection that there was since `began` is lost. If it had been of use the next attempt is
    /// at once, however often that happens.
    ///
    /// A Redis that takes connections and ends them, for whatever reason, is not called on without
    /// a wait. That wait counts from when the connection began: so however long connections live,
    /// they begin no more often than those that end at once.
    pub(crate) fn lost(&mut self, began: Instant) {
        self.lived = began.elapsed();
        if self.lived >= self.settled {
            self.backoff.reset();
        }
    }
}
