//! Questions to a shard, asked when it can answer them.
//!
//! It answers in the epoch it is in, when it has recovered, and when nobody in it is overdue.

use std::time::Duration;

use presence_core::Error;
use tokio::time::{Instant, timeout_at};

use super::answer::{Answer, Answered};
use super::config::Config;
use super::scripts::{Looked, Reaped};
use super::shard::Registration;
use super::shared::Shared;
use super::space::Space;

impl<S: Space> Shared<S> {
    /// Asks a shard something, again in its new epoch if it has lost the one that is known.
    pub(super) async fn ask<T, F>(
        &self,
        shard: usize,
        until: Instant,
        question: impl Fn(Registration, Duration) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Answered<T>>,
    {
        let number = shard;
        let shard = &self.shards[number];
        loop {
            let (registration, allowance) = shard.registration(until).await?;
            let answered = timeout_at(until, question(registration.clone(), allowance)).await;
            match answered.unwrap_or_else(|_| Err(shard.error()))? {
                Answer::Told(answer) if self.is_fresh(number) => return Ok(answer),
                // A process that cannot renew its lease knows nothing of leases, not even of its
                // own: where Redis answers and takes no writes they all run out, and everybody
                // seems to be gone.
                Answer::Told(_) => shard.renewed(until).await?,
                Answer::Lost(_) => shard.doubt(&registration),
            }
        }
    }

    /// Waits until a shard has recovered, and says whether it has.
    pub(super) async fn recovered(&self, shard: usize, until: Instant) -> bool {
        let mut status = self.shards[shard].status();
        loop {
            let deadline = status.borrow_and_update().recovering;
            let Some(deadline) = deadline else { return true };
            // The recovery ends at its deadline, or earlier when the last process has announced
            // what it holds.
            if timeout_at(deadline.min(until), status.changed()).await.is_err() {
                return deadline <= until;
            }
        }
    }

    /// Looks, by `question`, at a shard that has recovered and holds nobody whose lease is over.
    pub(super) async fn look_by<F>(
        &self,
        shard: usize,
        until: Instant,
        question: impl Fn(Registration, Duration) -> F,
    ) -> Result<(Registration, Looked), Error>
    where
        F: Future<Output = Answered<Looked>>,
    {
        loop {
            let asked = Instant::now();
            let question = &question;
            let look = |registration: Registration, allowance| {
                async move {
                    let looked = match question(registration.clone(), allowance).await? {
                        Answer::Told(looked) => looked,
                        Answer::Lost(lost) => return Ok(Answer::Lost(lost)),
                    };
                    if asked.elapsed() > Config::RENEWAL {
                        // Redis may have stood still, and the others not have had a chance to
                        // renew.
                        return Ok(Answer::Told((registration, looked)));
                    }
                    for dead in &looked.overdue {
                        // Boxed, as it is rare and large.
                        let scripts = self.scripts(shard);
                        while Box::pin(scripts.reap(&registration.epoch, dead, allowance)).await?
                            == Reaped::More
                        {}
                    }
                    Ok(Answer::Told((registration, looked)))
                }
            };
            let (registration, looked) = self.ask(shard, until, look).await?;
            self.shards[shard].hear(looked.last);
            if !looked.recovering.is_zero() {
                let left = Instant::now() + looked.recovering;
                self.shards[shard].set_status(|status| status.recovering = Some(left));
                if !self.recovered(shard, until).await {
                    return Err(self.shards[shard].recovering());
                }
            } else if looked.overdue.is_empty() {
                return Ok((registration, looked));
            } else if asked.elapsed() > Config::RENEWAL {
                drop(timeout_at(until, self.shards[shard].verified()).await);
            }
        }
    }
}
