//! What all who send and read share, and how they ask.

use std::time::Duration;

use fastrand::Rng;
use tokio::time::{Instant, sleep};

use crate::ask::{Answer, Ask};
use crate::fault::Fault;
use crate::ledger::Ledger;
use crate::nodes::Nodes;

/// The nodes, and what they are known to have done.
pub(crate) struct Scene {
    pub(crate) nodes: Nodes,
    pub(crate) ledger: Ledger,
}

/// How long a call may fail again and again: longer than any fault and what follows it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

impl Scene {
    /// Asks one node and then another one, until there is an answer.
    pub(crate) async fn ask(&self, ask: &Ask, rng: &mut Rng) -> Result<Answer, Fault> {
        let begun = Instant::now();
        loop {
            match self.nodes.any(rng).ask(ask.clone()).await?.await {
                Ok(answer @ (Answer::Done { .. } | Answer::Page(_))) => return Ok(answer),
                Ok(failed) => self.failed(ask, failed)?,
                Err(_died) => self.ledger.note(&format!("the node died with {ask:?}")),
            }
            self.pause(ask, begun, rng).await?;
        }
    }

    /// Notes that a call failed; an error if it may not fail like this.
    pub(crate) fn failed(&self, ask: &Ask, failed: Answer) -> Result<(), Fault> {
        match failed {
            Answer::Failed { text } => {
                self.ledger.note(&format!("{ask:?} failed: {text}"));
                Ok(())
            }
            other => Err(format!("{ask:?} was answered with {other:?}").into()),
        }
    }

    /// Waits a little before a call is made again.
    pub(crate) async fn pause(&self, ask: &Ask, begun: Instant, rng: &mut Rng) -> Result<(), Fault> {
        if begun.elapsed() > PATIENCE {
            return Err(format!("{ask:?} was not done within {PATIENCE:?}").into());
        }
        sleep(Duration::from_millis(rng.u64(50..400))).await;
        Ok(())
    }
}
