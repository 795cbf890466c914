//! What the log says of the state of presence.
//!
//! There is one line when an outage begins, and one when it is over.

use presence_core::State;
use tokio::time::Instant;

/// Since when not everything works, if that is so.
#[derive(Debug, Default)]
pub(crate) struct StateLog {
    since: Option<Instant>,
}

impl StateLog {
    /// Takes note of a state, however often, and writes down when it becomes bad and good.
    pub(crate) fn note(&mut self, state: &State) {
        match (self.since, state.is_well()) {
            (None, false) => {
                self.since = Some(Instant::now());
                tracing::warn!("{state}");
            }
            (Some(since), true) => {
                self.since = None;
                tracing::info!(after = ?since.elapsed(), "presence is well again");
            }
            _ => {}
        }
    }
}
