//! What the calls of every space come down to.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use presence_core::tracker::{Beat, EndedDevice};
use presence_core::{Device, Error};
use redis::Value;
use tokio::time::{Instant, sleep};

use super::outbox::{Reply, StepAnswer, StepKind, StepNumber};
use super::shard::Wait;
use super::shared::Shared;
use super::space::Space;

impl<S: Space> Shared<S> {
    /// Waits for steps that were just pushed, and says what failed by shard.
    pub(super) async fn wait(
        &self,
        waits: BTreeMap<usize, (Wait, StepNumber)>,
        until: Instant,
    ) -> HashMap<usize, Error> {
        let waits = waits.into_iter().map(|(shard, (wait, ticket))| async move {
            let error = wait.until(ticket, until).await.err()?;
            Some((shard, error))
        });
        futures_util::future::join_all(waits).await.into_iter().flatten().collect()
    }

    /// Waits until everything about a name that was recorded up to now is written.
    pub(super) async fn wait_for(&self, name: &S::Name, wait: Wait) -> Result<(), Error> {
        let ledger = self.tracker.ledger();
        let shard = ledger.shard(name);
        let ticket = ledger.outbox(shard).last();
        wait.until(ticket, Instant::now() + self.patience()).await?;
        ledger.outbox(shard).why_kept(name).map_or(Ok(()), Err)
    }

    /// Says whether nobody else lets the names of a shard go that are held here.
    pub(super) fn is_fresh(&self, shard: usize) -> bool {
        self.shards[shard].is_fresh(self.tracker.clock().now())
    }

    /// Waits until nobody else lets the names of a shard go that are held here.
    ///
    /// A process that stood still renews its lease late, which is no fault of Redis.
    pub(super) async fn fresh(&self, shard: usize, until: Instant) -> Result<(), Error> {
        if self.is_fresh(shard) { Ok(()) } else { self.shards[shard].renewed(until).await }
    }

    /// The same for several shards, and says of which this cannot be said, and why.
    pub(super) async fn not_fresh(&self, shards: BTreeSet<usize>, until: Instant) -> HashMap<usize, Error> {
        let renewed =
            shards.into_iter().map(async |shard| Some((shard, self.fresh(shard, until).await.err()?)));
        futures_util::future::join_all(renewed).await.into_iter().flatten().collect()
    }

    /// Lets a device beat, and waits until it counts; says whether its name came by it.
    pub(super) async fn beat(&self, name: &S::Name, beat: impl FnOnce() -> Beat) -> Result<bool, Error> {
        let shard = self.tracker.ledger().shard(name);
        let wait = self.shards[shard].wait();
        let Beat { arrived, settled, .. } = beat();
        if settled {
            self.fresh(shard, Instant::now() + self.patience()).await?;
        } else {
            self.wait_for(name, wait).await?;
        }
        Ok(arrived)
    }

    /// Lets names go everywhere, and says which of them may have stayed, by index.
    ///
    /// While a shard recovers nobody knows who else holds them: then it is said again once that is
    /// known.
    pub(super) async fn expel(&self, names: &[S::Name]) -> Vec<(usize, Error)> {
        let until = Instant::now() + self.patience();
        let (mut failures, mut indices) = (Vec::new(), (0..names.len()).collect::<Vec<_>>());
        loop {
            let (failed, unknown) = self.expel_once(names, &indices, until).await;
            failures.extend(failed);
            let shards: BTreeSet<_> =
                unknown.iter().map(|index| self.tracker.ledger().shard(&names[*index])).collect();
            if shards.is_empty() {
                return failures;
            }
            let known = shards.into_iter().map(|shard| self.recovered(shard, until));
            let known = futures_util::future::join_all(known).await.into_iter().all(|known| known);
            if !known || Instant::now() + RECHECK >= until {
                let why = |index: usize| {
                    let shard = self.tracker.ledger().shard(&names[index]);
                    (index, self.shards[shard].recovering())
                };
                failures.extend(unknown.into_iter().map(why));
                return failures;
            }
            // What is known here may be behind what Redis knows.
            sleep(RECHECK).await;
            indices = unknown;
        }
    }

    /// The same once; also says of whom nobody can know.
    async fn expel_once(
        &self,
        names: &[S::Name],
        indices: &[usize],
        until: Instant,
    ) -> (Vec<(usize, Error)>, Vec<usize>) {
        let (ledger, answers) = (self.tracker.ledger(), Arc::new(Mutex::new(Vec::new())));
        let mut waits = BTreeMap::new();
        for index in indices.iter().copied() {
            let name = &names[index];
            let shard = ledger.shard(name);
            let (_, ticket) = waits.entry(shard).or_insert_with(|| (self.shards[shard].wait(), 0));
            self.forget_if(name, |_| {
                let what = StepKind::Explicit(Reply { index, answers: Arc::clone(&answers) });
                *ticket = ledger.push(shard, name.clone(), what);
                true
            });
        }
        let failed = self.wait(waits, until).await;
        let failure = |index: &usize| Some((*index, failed.get(&ledger.shard(&names[*index]))?.clone()));
        let failures: Vec<_> = indices.iter().filter_map(failure).collect();
        let mut unknown = BTreeSet::new();
        let mut told: HashMap<String, Vec<S::Name>> = HashMap::new();
        for (index, answer) in std::mem::take(&mut *answers.lock()) {
            match answer {
                StepAnswer::Recovering => drop(unknown.insert(index)),
                StepAnswer::Nobody => {}
                StepAnswer::Others(processes) => {
                    for process in processes.into_iter().filter(|process| !self.is_me(process)) {
                        told.entry(process).or_default().push(names[index].clone());
                    }
                }
            }
        }
        if !told.is_empty() {
            self.tell_left(told).await;
        }
        for (index, _) in &failures {
            unknown.remove(index);
        }
        (failures, unknown.into_iter().collect())
    }

    /// Ends a device here, or wherever it beat last.
    pub(super) async fn end_device(&self, name: &S::Name, device: &Device) -> Result<(), Error> {
        let shard = self.tracker.ledger().shard(name);
        let wait = self.shards[shard].wait();
        let ended = self.tracker.end_device(name, device);
        // Without a grace time the end of the last device is a departure, which is waited for.
        self.wait_for(name, wait).await?;
        if ended == EndedDevice::Held {
            // A device that is held is known to this process alone, so there is nobody else to
            // tell.
            return Ok(());
        }
        let mut get = redis::cmd("HGET");
        let held = &self.keys.shards[shard].held;
        get.arg(held).arg(&*S::text(name));
        let holders = match self.link.query(held, &get).await? {
            Value::Nil => return Ok(()),
            holders => self.link.read::<String>(held, holders)?,
        };
        // `~` is no process: it stands for those who left while the shard was recovering.
        let others = holders.split(',').filter(|process| *process != "~" && !self.is_me(process));
        let others: Vec<_> = others.map(str::to_owned).collect();
        if !others.is_empty() {
            self.tell_end(&others, name, device).await;
        }
        Ok(())
    }
}

/// How long a call waits before it asks a shard again that may have recovered.
const RECHECK: Duration = Duration::from_millis(20);
