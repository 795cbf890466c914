//! A reader of histories, at any node.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::ask::{Answer, Ask};
use crate::fault::Fault;
use crate::line::Talk;
use crate::scene::Scene;

/// Somebody who reads the histories of all talks, forward or their end.
pub(crate) struct HistoryReader {
    scene: Arc<Scene>,
    rng: Rng,
    talks: Vec<Talk>,
    /// Up to where each was read.
    last: HashMap<Talk, u64>,
}

impl HistoryReader {
    pub(crate) fn new(scene: Arc<Scene>, number: usize, seed: u64) -> Self {
        let rng = Rng::with_seed(seed ^ ((number as u64 + 1) << 48));
        Self { scene, rng, talks: Talk::all(), last: HashMap::new() }
    }

    /// Reads until it is told to stop.
    pub(crate) async fn work(mut self, stop: watch::Receiver<bool>) -> Result<Self, Fault> {
        while !*stop.borrow() {
            let talk = self.talks[self.rng.usize(0..self.talks.len())];
            self.page(talk).await?;
            sleep(Duration::from_millis(self.rng.u64(10..200))).await;
        }
        Ok(self)
    }

    async fn page(&mut self, talk: Talk) -> Result<(), Fault> {
        let last = self.last.get(&talk).copied().unwrap_or_default();
        let after = match self.rng.u8(0..4) {
            // The end.
            0 => None,
            // What was read before, by way of another node maybe.
            1 => Some(self.rng.u64(0..=last)),
            _ => Some(last),
        };
        let ask = Ask::History { talk, after };
        match self.scene.ask(&ask, &mut self.rng).await? {
            Answer::Page(page) => {
                self.scene.ledger.read_history(talk, after, &page)?;
                // Whoever has read the end has skipped what is before it.
                if after.is_some()
                    && let Some(newest) = page.entries.last()
                {
                    self.last.insert(talk, last.max(newest.sequence));
                }
                Ok(())
            }
            other => Err(format!("{ask:?} was answered with {other:?}").into()),
        }
    }
}
