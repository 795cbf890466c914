//! One cycle: load, a fault, a pause, and the comparison.

use std::collections::BTreeSet;
use std::error::Error;
use std::mem::take;
use std::time::Duration;

use bson::{Bson, doc};
use test_support::{MongoSet, unique};
use tokio::time::Instant;

use crate::clock;
use crate::fault::Fault;
use crate::model::Model;
use crate::observer::{Observer, look_afresh};
use crate::random::Random;
use crate::witness::Witness;
use crate::work::{SLOT, WORKERS, all_keys, config};
use crate::worker::{Worker, resident_bytes};

/// The replica set, the processes, the model, and a watcher with a process of its own.
pub(crate) struct Soak {
    set: MongoSet,
    database: String,
    workers: Vec<Worker>,
    /// What those were told who were killed since the last count.
    gone: Vec<Witness>,
    observer: Observer,
    model: Model,
    random: Random,
    /// How long keys come and go, before and after a fault.
    load: Duration,
    changes: usize,
    /// The memory of this process after the first cycle.
    at_first: Option<u64>,
    /// Starts and kills of each cycle.
    tries: Vec<usize>,
}

impl Soak {
    pub(crate) async fn start(random: Random, load: Duration) -> Result<Self, Box<dyn Error>> {
        let (set, database) = (MongoSet::start().await?, unique("soak"));
        let observer = Observer::start(config(&set.url(), &database)).await?;
        let mut soak = Self {
            set,
            database,
            workers: Vec::new(),
            gone: Vec::new(),
            observer,
            model: Model::default(),
            random,
            load,
            changes: 0,
            at_first: None,
            tries: Vec::new(),
        };
        soak.start_workers().await?;
        Ok(soak)
    }

    /// Changes that all watchers were told so far.
    pub(crate) fn changes(&self) -> usize {
        self.changes
    }

    pub(crate) async fn cycle(&mut self) -> Result<String, Box<dyn Error>> {
        for worker in &mut self.workers {
            worker.tell("go").await?;
        }
        self.load().await?;
        let fault = Fault::any(&mut self.random, WORKERS);
        self.inflict(fault).await.map_err(|error| format!("{fault}: {error}"))?;
        self.load().await?;
        for worker in &mut self.workers {
            worker.tell("pause").await?;
        }
        for worker in &mut self.workers {
            worker.until("paused", &mut self.model).await?;
        }
        let settled = self.settle().await.map_err(|error| format!("after {fault}: {error}"))?;
        let told = self.judge().map_err(|error| format!("after {fault}: {error}"))?;
        let size = self.measure().await.map_err(|error| format!("after {fault}: {error}"))?;
        self.tries.push(self.model.tries);
        self.model.reset();
        self.changes += told;
        let alive = self.observer.witness.alive.len();
        Ok(format!("{fault}: {told} changes told, {alive} alive after {settled:.1?}, {size}"))
    }

    async fn load(&mut self) -> Result<(), Box<dyn Error>> {
        let more = Duration::from_millis(self.random.below(1_000) as u64);
        self.observer.listen(Instant::now() + self.load + more).await
    }

    async fn pause(&mut self, from_ms: usize, to_ms: usize) -> Result<(), Box<dyn Error>> {
        let millis = from_ms + self.random.below(to_ms - from_ms);
        self.observer.listen(Instant::now() + Duration::from_millis(millis as u64)).await
    }

    async fn inflict(&mut self, fault: Fault) -> Result<(), Box<dyn Error>> {
        let primary = self.set.primary().await?;
        let others = [(primary + 1) % 3, (primary + 2) % 3];
        match fault {
            Fault::PrimaryKilled => self.kill_member(primary).await?,
            Fault::SecondaryKilled => self.kill_member(others[0]).await?,
            Fault::PrimaryFrozen => self.freeze_members(&[primary]).await?,
            Fault::MajorityFrozen => self.freeze_members(&others).await?,
            Fault::PrimaryDeposed => {
                self.set.step_down().await?;
            }
            Fault::WorkerKilled(number) => {
                let name = number.to_string();
                self.hear()?;
                let killed = self.workers.remove(number);
                self.gone.push(killed.kill(&mut self.model).await?);
                let mut next = self.start_worker(&name).await?;
                next.tell("go").await?;
                self.workers.insert(number, next);
            }
            Fault::WorkerFrozen(number) => {
                // Well beyond the time in which its keys live, or not.
                self.hear()?;
                let at = clock::now();
                self.workers[number].signal("STOP").await?;
                self.pause(1_000, 12_000).await?;
                self.workers[number].signal("CONT").await?;
                self.model.was_away(&number.to_string(), at);
            }
            Fault::AllWorkersKilled => {
                for worker in take(&mut self.workers) {
                    self.gone.push(worker.kill(&mut self.model).await?);
                }
                // Nobody is left who could say that they are dead.
                self.settle().await?;
                self.start_workers().await?;
                for worker in &mut self.workers {
                    worker.tell("go").await?;
                }
            }
        }
        self.set.primary().await?;
        Ok(())
    }

    async fn kill_member(&mut self, number: usize) -> Result<(), Box<dyn Error>> {
        self.set.member(number).kill()?;
        self.pause(200, 6_000).await?;
        Ok(self.set.member(number).restart().await?)
    }

    async fn freeze_members(&mut self, numbers: &[usize]) -> Result<(), Box<dyn Error>> {
        for number in numbers {
            self.set.member(*number).freeze().await?;
        }
        self.pause(200, 8_000).await?;
        for number in numbers {
            self.set.member(*number).thaw().await?;
        }
        Ok(())
    }

    async fn start_workers(&mut self) -> Result<(), Box<dyn Error>> {
        for number in 0..WORKERS {
            let worker = self.start_worker(&number.to_string()).await?;
            self.workers.push(worker);
        }
        Ok(())
    }

    async fn start_worker(&mut self, name: &str) -> Result<Worker, Box<dyn Error>> {
        Worker::start(&self.set.url(), &self.database, name, &mut self.model).await
    }

    /// Notes what all have said so far.
    fn hear(&mut self) -> Result<(), Box<dyn Error>> {
        for worker in &mut self.workers {
            worker.hear(&mut self.model)?;
        }
        Ok(())
    }

    /// Waits until all watchers and the model agree for a while, as they must within the bound, and
    /// says how long that took. A watcher that begins after that has to agree, too.
    async fn settle(&mut self) -> Result<Duration, Box<dyn Error>> {
        let begun = Instant::now();
        let until = begun + BOUND;
        let mut looks = 0;
        loop {
            self.observer.listen(Instant::now() + Duration::from_millis(100)).await?;
            self.hear()?;
            let expected = self.model.alive();
            match self.differs(&expected) {
                // Who is behind may be right by chance.
                None if looks < LOOKS => looks += 1,
                None => {
                    let took = begun.elapsed();
                    let late = config(&self.set.url(), &self.database);
                    look_afresh(late, &expected, Instant::now() + BOUND).await?;
                    return Ok(took);
                }
                Some(wrong) if Instant::now() > until => {
                    return Err(format!("not right within {BOUND:?}: {wrong}").into());
                }
                Some(_) => looks = 0,
            }
        }
    }

    fn differs(&self, expected: &BTreeSet<String>) -> Option<String> {
        self.witnesses().find_map(|(name, witness)| {
            witness.differs(expected).map(|wrong| format!("the watcher of {name} has {wrong}"))
        })
    }

    /// Judges all that was told since the last count, and says how much it was.
    fn judge(&mut self) -> Result<usize, Box<dyn Error>> {
        let mut told = 0;
        let gone = self.gone.iter().map(|witness| ("a killed process".to_owned(), witness));
        for (name, witness) in self.witnesses().chain(gone) {
            self.model.judge(&format!("the watcher of {name}"), witness)?;
            told += witness.changes;
        }
        self.gone.clear();
        self.observer.witness.reset();
        self.workers.iter_mut().for_each(|worker| worker.witness.reset());
        Ok(told)
    }

    /// Returns what the watchers that live were told.
    fn witnesses(&self) -> impl Iterator<Item = (String, &Witness)> {
        let own = [("the soak".to_owned(), &self.observer.witness)];
        let workers = self.workers.iter().map(|worker| (format!("process {}", worker.name), &worker.witness));
        own.into_iter().chain(workers)
    }

    /// Measures what must not grow: the memory of each process, and what is in the database.
    async fn measure(&mut self) -> Result<String, Box<dyn Error>> {
        let mut most = resident_bytes("self")?;
        grew("the soak", most, &mut self.at_first)?;
        for worker in &mut self.workers {
            let bytes = worker.resident_bytes()?;
            let name = format!("process {}", worker.name);
            grew(&name, bytes, &mut worker.at_first)?;
            most = most.max(bytes);
        }
        self.observer.base.prune().await?;
        let (beings, slots) = (self.documents("beings").await?, self.documents("pings").await?);
        // Of the last cycles all may still be there: after a fault nothing is pruned for a while.
        let recent: usize = self.tries.iter().rev().take(4).sum();
        let beings_max = 2 * all_keys().len() + recent + self.model.tries;
        if beings > beings_max || slots > SLOTS_MAX {
            let most = format!("at most {beings_max} and {SLOTS_MAX} may be");
            return Err(format!("{beings} beings and {slots} slots are stored; {most}").into());
        }
        Ok(format!("{beings} beings, {slots} slots, at most {} MB", most >> 20))
    }

    async fn documents(&self, part: &str) -> Result<usize, Box<dyn Error>> {
        let primary = self.set.primary().await?;
        // With a condition it counts: a member that was killed remembers no exact number.
        let count = doc! { "count": format!("presence.{part}"), "query": { "_id": { "$gte": 0 } } };
        let answer = self.set.member(primary).command(&self.database, count).await?;
        match answer.get("n") {
            Some(Bson::Int32(number)) => Ok(usize::try_from(*number)?),
            Some(Bson::Int64(number)) => Ok(usize::try_from(*number)?),
            other => Err(format!("mongod counted {other:?}").into()),
        }
    }
}

/// Fails if a process has grown since its first cycle.
fn grew(name: &str, bytes: u64, at_first: &mut Option<u64>) -> Result<(), Box<dyn Error>> {
    let first = *at_first.get_or_insert(bytes);
    if bytes <= first + GROWTH_MAX {
        return Ok(());
    }
    Err(format!("the memory of {name} grew from {} to {} MB", first >> 20, bytes >> 20).into())
}

/// Everything is over by then: two slots in which keys age, what is left of one until it is read,
/// and one that has to go well after a fault; one more for a busy machine.
const BOUND: Duration = SLOT.saturating_mul(5);
/// How often all have to agree, ten times a second.
const LOOKS: usize = 10;
/// Five stay, and those of a few minutes while nothing can be pruned.
const SLOTS_MAX: usize = 60;
const GROWTH_MAX: u64 = 64 << 20;
