//! A reader, who follows an inbox at any node, and acknowledges at times.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::ask::{Answer, Ask, Page};
use crate::fault::Fault;
use crate::line::Call;
use crate::scene::Scene;

/// The reader of one inbox.
pub(crate) struct Reader {
    scene: Arc<Scene>,
    user: usize,
    rng: Rng,
}

impl Reader {
    pub(crate) fn new(scene: Arc<Scene>, user: usize, seed: u64) -> Self {
        Self { scene, user, rng: Rng::with_seed(seed ^ ((user as u64 + 1) << 32)) }
    }

    /// Reads until it is told to stop.
    pub(crate) async fn work(mut self, stop: watch::Receiver<bool>) -> Result<Self, Fault> {
        while !*stop.borrow() {
            let page = self.page().await?;
            if let Some(newest) = page.entries.last() {
                if let Some(talk) = newest.talk.filter(|_| self.rng.u8(0..5) == 0) {
                    self.call(Call::Read { member: self.user, talk, place: newest.place }).await?;
                }
                // The first two acknowledge nothing.
                if self.user >= 2 && self.rng.u8(0..4) == 0 {
                    self.call(Call::Ack { member: self.user, sequence: newest.sequence }).await?;
                }
            }
            sleep(Duration::from_millis(self.rng.u64(10..200))).await;
        }
        Ok(self)
    }

    async fn page(&mut self) -> Result<Page, Fault> {
        let ((last, tag), waits) = (self.scene.ledger.position(self.user), self.rng.bool());
        let ask = Ask::Page { inbox: self.user, last, tag, waits };
        match self.scene.ask(&ask, &mut self.rng).await? {
            Answer::Page(page) => {
                self.scene.ledger.read(self.user, &page)?;
                Ok(page)
            }
            other => Err(format!("{ask:?} was answered with {other:?}").into()),
        }
    }

    async fn call(&mut self, call: Call) -> Result<(), Fault> {
        let number = self.scene.ledger.tried(&call)?;
        let ask = Ask::Call { by: self.user, call: call.clone() };
        match self.scene.ask(&ask, &mut self.rng).await? {
            Answer::Done { answer, failed } => self.scene.ledger.done(number, &call, answer, &failed),
            other => Err(format!("{ask:?} was answered with {other:?}").into()),
        }
    }
}
