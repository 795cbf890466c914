//! A user who sends, edits, takes back and purges, at any node.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::ask::{Answer, Ask};
use crate::fault::Fault;
use crate::line::{Call, Talk};
use crate::scene::Scene;

/// After how long a send is repeated at another node, while the first one may still do it.
const GIVE_UP: Duration = Duration::from_secs(3);

/// The most messages that a user remembers, to change them.
const OWN_MAX: usize = 200;

/// One user.
pub(crate) struct User {
    scene: Arc<Scene>,
    user: usize,
    rng: Rng,
    turn: u64,
    /// The messages that this user has sent.
    own: Vec<(Talk, u64)>,
    /// The sends that were repeated before they were answered.
    late: JoinSet<Result<(), Fault>>,
}

impl User {
    pub(crate) fn new(scene: Arc<Scene>, user: usize, seed: u64) -> Self {
        let rng = Rng::with_seed(seed ^ (user as u64 + 1));
        Self { scene, user, rng, turn: 0, own: Vec::new(), late: JoinSet::new() }
    }

    /// Does this and that until it is told to stop, and waits for what was begun.
    pub(crate) async fn work(mut self, stop: watch::Receiver<bool>) -> Result<Self, Fault> {
        while !*stop.borrow() {
            self.turn += 1;
            match self.rng.u32(0..100) {
                0..75 => self.send().await?,
                75..90 => self.edit().await?,
                90..96 => self.recall().await?,
                96..98 if self.user == 0 => {
                    self.call(Call::Purge).await?;
                }
                _ => {}
            }
            sleep(Duration::from_millis(self.rng.u64(10..60))).await;
        }
        while let Some(late) = self.late.join_next().await {
            late??;
        }
        Ok(self)
    }

    async fn call(&mut self, call: Call) -> Result<u64, Fault> {
        let number = self.scene.ledger.tried(&call)?;
        let ask = Ask::Call { by: self.user, call };
        let answer = self.scene.ask(&ask, &mut self.rng).await?;
        let (Answer::Done { answer, failed }, Ask::Call { call, .. }) = (answer, ask) else {
            return Err("a call was answered with a page".into());
        };
        self.scene.ledger.done(number, &call, answer, &failed)?;
        Ok(answer)
    }

    /// Sends, and repeats it at any node until it is known to be done.
    async fn send(&mut self) -> Result<(), Fault> {
        let talks = Talk::of(self.user);
        let talk = talks[self.rng.usize(0..talks.len())];
        let id = format!("{}-{}", self.user, self.turn);
        let call = Call::Send { from: self.user, talk, id: id.clone() };
        let number = self.scene.ledger.tried(&call)?;
        let (ask, begun) = (Ask::Call { by: self.user, call: call.clone() }, Instant::now());
        // What its history has lost would be sent once more by an attempt that comes late.
        let gives_up = matches!(talk, Talk::Pair(..) | Talk::Group);
        loop {
            let mut waiting = self.scene.nodes.any(&mut self.rng).ask(ask.clone()).await?;
            let limit = if gives_up { GIVE_UP } else { Duration::MAX };
            match timeout(limit, &mut waiting).await {
                Ok(Ok(Answer::Done { answer, failed })) => {
                    self.scene.ledger.done(number, &call, answer, &failed)?;
                    if self.own.len() == OWN_MAX {
                        self.own.swap_remove(self.rng.usize(0..OWN_MAX));
                    }
                    self.own.push((talk, answer));
                    return Ok(());
                }
                Ok(Ok(failed)) => self.scene.failed(&ask, failed)?,
                Ok(Err(_died)) => self.scene.ledger.note(&format!("the node died with {ask:?}")),
                Err(_elapsed) => {
                    self.scene.ledger.note(&format!("{id} is sent at another node, too"));
                    self.late.spawn(late(Arc::clone(&self.scene), talk, id.clone(), waiting));
                }
            }
            self.scene.pause(&ask, begun, &mut self.rng).await?;
        }
    }

    async fn edit(&mut self) -> Result<(), Fault> {
        let Some((talk, place)) = self.rng.choice(&self.own).copied() else { return Ok(()) };
        let more = if self.turn.is_multiple_of(5) { 500 } else { 0 };
        let text = format!("{{\"edit\":\"{}-{}{}\"}}", self.user, self.turn, "y".repeat(more));
        self.call(Call::Edit { talk, place, text }).await.map(drop)
    }

    async fn recall(&mut self) -> Result<(), Fault> {
        if self.own.is_empty() {
            return Ok(());
        }
        let (talk, place) = self.own.swap_remove(self.rng.usize(0..self.own.len()));
        self.call(Call::Recall { talk, place }).await.map(drop)
    }
}

/// Hears what became of an attempt that was not waited for.
async fn late(
    scene: Arc<Scene>,
    talk: Talk,
    id: String,
    waiting: oneshot::Receiver<Answer>,
) -> Result<(), Fault> {
    match waiting.await {
        Ok(Answer::Done { answer, .. }) => scene.ledger.done_again(talk, &id, answer),
        Ok(Answer::Wrong { text }) => Err(format!("a repetition of {id} to {talk:?} failed: {text}").into()),
        _ => Ok(()),
    }
}
