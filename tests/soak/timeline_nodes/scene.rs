//! What all who send and read share, and how they ask.

use std::time::Duration;

use fastrand::Rng;
use tokio::time::{Instant, sleep, timeout};

use crate::ask::{Answer, Ask};
use crate::fault::Fault;
use crate::ledger::Ledger;
use crate::nodes::Nodes;
use crate::users::USERS;

/// The nodes, and what they are known to have done.
pub(crate) struct Scene {
    pub(crate) nodes: Nodes,
    pub(crate) ledger: Ledger,
}

/// How long a call may fail again and again: longer than any fault and what follows it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// How many callers are a crowd: a node has 64 calls to MongoDB under way.
const CROWD: usize = 400;

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

    /// Asks a node for more at once than it can, and waits until all was answered.
    ///
    /// Some may be refused, but all have to end.
    pub(crate) async fn crowd(&self, number: usize) -> Result<(), Fault> {
        let (node, mut crowd) = (self.nodes.node(number), Vec::with_capacity(CROWD));
        for caller in 0..CROWD {
            let inbox = caller % USERS;
            let (last, tag) = self.ledger.position(inbox);
            crowd.push(node.ask(Ask::Page { inbox, last, tag, waits: false }).await?);
        }
        for waiting in crowd {
            match timeout(PATIENCE, waiting).await {
                Ok(Ok(Answer::Page(_) | Answer::Failed { .. })) => {}
                Ok(other) => return Err(format!("one of a crowd was answered with {other:?}").into()),
                Err(_elapsed) => return Err("one of a crowd is not answered".into()),
            }
        }
        Ok(())
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
