//! The closes of a shutdown, spread over a time.
//!
//! So not all clients connect elsewhere in the same moment.

use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

use crate::shared::Shared;
use crate::{ConnectionId, Disconnect};

/// The most connections that are closed in a row, before other tasks of the thread get on.
const SLICE: u32 = 256;

impl Shared {
    /// Closes each connection at its time, evenly spread; ends early when all are gone.
    ///
    /// Those whose time has come since the last look are closed together, as the clock of the
    /// runtime has steps of a millisecond. Who drops this has to close the rest.
    pub(crate) async fn drain(&self, within: Duration) {
        if within.is_zero() {
            return;
        }
        // So that the wait below is over when the last of them has ended.
        self.tasks.close();
        // Numbers, so that none is kept that leaves by itself.
        let ids: Vec<ConnectionId> =
            self.registry.all_connections().map(|connection| connection.id()).collect();
        let count = u32::try_from(ids.len()).unwrap_or(u32::MAX);
        let begun = Instant::now();
        for (number, id) in (0..count).zip(ids) {
            let close_at = begun + within.saturating_mul(number) / count;
            if close_at > Instant::now() {
                if timeout_at(close_at, self.tasks.wait()).await.is_ok() {
                    return;
                }
            } else if number % SLICE == SLICE - 1 {
                yield_now().await;
            }
            if let Some(connection) = self.registry.connection(id) {
                connection.close(Disconnect::Restart);
            }
        }
    }
}
