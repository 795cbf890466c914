//! A reader, who follows inboxes at any node, and acknowledges at times.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::ask::{Answer, Ask, Page};
use crate::fault::Fault;
use crate::line::Call;
use crate::scene::Scene;

/// The reader of one inbox, or of several in turn. Nobody else reads them meanwhile.
pub(crate) struct Reader {
    scene: Arc<Scene>,
    inboxes: Vec<usize>,
    /// The one whose turn it is, and where that is in the list.
    user: usize,
    turn: usize,
    rng: Rng,
}

impl Reader {
    /// Creates the reader of these inboxes, of which there is at least one.
    pub(crate) fn new(scene: Arc<Scene>, inboxes: Vec<usize>, seed: u64) -> Self {
        let user = inboxes[0];
        Self { scene, inboxes, user, turn: 0, rng: Rng::with_seed(seed ^ ((user as u64 + 1) << 32)) }
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
            self.turn = (self.turn + 1) % self.inboxes.len();
            self.user = self.inboxes[self.turn];
            sleep(Duration::from_millis(self.rng.u64(10..200))).await;
        }
        Ok(self)
    }

    async fn page(&mut self) -> Result<Page, Fault> {
        // Who has several waits at none of them.
        let waits = self.inboxes.len() == 1 && self.rng.bool();
        let (last, tag) = self.scene.ledger.position(self.user);
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
