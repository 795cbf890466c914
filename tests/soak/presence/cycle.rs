//! One cycle: load, a fault, a pause, and the comparison.

use std::collections::BTreeSet;
use std::error::Error;
use std::time::Duration;

use presence_core::{Cursor, Event, Presence, Status};
use presence_redis::leases::Leases;
use test_support::{Redis, RedisOptions, redis_connection};
use tokio::time::{Instant, sleep};

use crate::fault::Fault;
use crate::model::Model;
use crate::observer::Observer;
use crate::random::Random;
use crate::work::{TTL, config};
use crate::worker::Worker;

/// Redis, the processes, the model, and a subscriber with a process of its own.
pub(crate) struct Soak {
    redis: Redis,
    workers: Vec<Worker>,
    observer: Observer,
    presence: Presence,
    model: Model,
    random: Random,
    transitions: usize,
}

impl Soak {
    pub(crate) async fn start(mut random: Random) -> Result<Self, Box<dyn Error>> {
        // With and without its data after a restart.
        let append_only = random.below(2) == 0;
        let redis = Redis::with(&RedisOptions { append_only, ..RedisOptions::default() }).await?;
        let mut workers = Vec::new();
        for number in 0..WORKERS {
            workers.push(Worker::start(redis.url(), &number.to_string()).await?);
        }
        let presence = Presence::new(Leases::start(config(redis.url())).await?);
        let observer = Observer::start(presence.clone()).await?;
        Ok(Self { redis, workers, observer, presence, model: Model::default(), random, transitions: 0 })
    }

    /// Transitions heard so far.
    pub(crate) fn transitions(&self) -> usize {
        self.transitions
    }

    pub(crate) async fn cycle(&mut self) -> Result<String, Box<dyn Error>> {
        for worker in &mut self.workers {
            worker.tell("go").await?;
        }
        self.listen(6).await?;
        let fault = Fault::any(&mut self.random, WORKERS);
        self.inflict(fault).await?;
        self.listen(6).await?;
        for worker in &mut self.workers {
            worker.tell("pause").await?;
        }
        for worker in &mut self.workers {
            worker.until("paused", &mut self.model).await?;
        }
        // Everything is over by then: silent ids, and those of a killed process.
        self.observer.listen(Instant::now() + TTL + Duration::from_secs(4)).await?;
        let report = self.compare(fault).await?;
        self.model.reset();
        self.observer.reset();
        Ok(report)
    }

    async fn listen(&mut self, seconds: usize) -> Result<(), Box<dyn Error>> {
        let millis = 1_000 * seconds + self.random.below(2_000);
        self.observer.listen(Instant::now() + Duration::from_millis(millis as u64)).await
    }

    async fn inflict(&mut self, fault: Fault) -> Result<(), Box<dyn Error>> {
        let pause = Duration::from_millis(200 + self.random.below(4_000) as u64);
        match fault {
            Fault::RedisKilled => {
                self.redis.kill()?;
                sleep(pause).await;
                self.redis.start_again().await?;
            }
            Fault::RedisFrozen => {
                self.redis.freeze().await?;
                sleep(pause).await;
                self.redis.thaw().await?;
            }
            Fault::RedisFlushed => {
                let mut connection = redis_connection(self.redis.url()).await?;
                redis::cmd("FLUSHALL").exec_async(&mut connection).await?;
            }
            Fault::WorkerKilled(number) => {
                let name = number.to_string();
                let next = Worker::start(self.redis.url(), &name).await?;
                let killed = std::mem::replace(&mut self.workers[number], next);
                killed.kill(&mut self.model).await?;
                self.model.killed(&name);
                // Its users are away before the next one has them.
                self.observer.listen(Instant::now() + TTL + Duration::from_secs(4)).await?;
                self.workers[number].tell("go").await?;
            }
            Fault::WorkerFrozen(number) => {
                // Well beyond its lease.
                self.workers[number].freeze(TTL + Duration::from_secs(4)).await?;
                self.model.was_away(&number.to_string());
            }
        }
        Ok(())
    }

    /// Compares what was heard, what Redis says, and what must be.
    async fn compare(&mut self, fault: Fault) -> Result<String, Box<dyn Error>> {
        let expected = self.model.online();
        let heard: Vec<_> = self.observer.online.iter().map(String::as_str).collect();
        if heard != expected {
            return Err(format!("after {fault}: heard online {}", difference(&heard, &expected)).into());
        }
        let listed = self.listed().await?;
        let listed: Vec<_> = listed.iter().map(String::as_str).collect();
        if listed != expected {
            return Err(format!("after {fault}: listed {}", difference(&listed, &expected)).into());
        }
        let statuses = self.presence.status(&expected).await?;
        let count = self.presence.count().await?;
        if count != expected.len() as u64 || statuses.iter().any(|status| *status != Status::Online) {
            return Err(format!("after {fault}: {count} online of {}", expected.len()).into());
        }
        let mut sum = 0;
        for (id, user) in self.model.users() {
            let events = self.observer.told.get(id).map_or(&[][..], Vec::as_slice);
            let told = events.len();
            sum += told;
            let more = told.wrapping_sub(user.told);
            let fits =
                self.observer.lagged || (more.is_multiple_of(2) && more / 2 <= self.model.maybe_pairs(id));
            if !fits {
                let message = format!("after {fault}: {id} had {told} transitions instead of {}", user.told);
                return Err(format!("{message}: {}", history(events)).into());
            }
        }
        self.transitions += sum;
        let lagged = if self.observer.lagged { ", after a fresh start" } else { "" };
        Ok(format!("{fault}: {sum} transitions heard, {} online{lagged}", expected.len()))
    }

    async fn listed(&self) -> Result<BTreeSet<String>, Box<dyn Error>> {
        let (mut all, mut cursor) = (BTreeSet::new(), Cursor::default());
        loop {
            let page = self.presence.online_ids(cursor, 100).await?;
            all.extend(page.ids.iter().map(ToString::to_string));
            let Some(next) = page.next else { return Ok(all) };
            cursor = next;
        }
    }
}

fn difference(found: &[&str], expected: &[&str]) -> String {
    let (found, expected): (BTreeSet<_>, BTreeSet<_>) = (found.iter().collect(), expected.iter().collect());
    let extra: Vec<_> = found.difference(&expected).take(5).collect();
    let missing: Vec<_> = expected.difference(&found).take(5).collect();
    format!("{} ids; too many {extra:?}, missing {missing:?}", found.len())
}

/// What happened to an id, in milliseconds after its first event.
fn history(events: &[Event]) -> String {
    let first = events.first().map(|event| event.at);
    let line = |event: &Event| {
        let after = first.and_then(|first| event.at.duration_since(first).ok()).unwrap_or_default();
        format!("{:?} at {} ms", event.cause, after.as_millis())
    };
    events.iter().map(line).collect::<Vec<_>>().join(", ")
}

const WORKERS: usize = 3;
