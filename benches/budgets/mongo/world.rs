//! A MongoDB of a measurement's own, with pingers, and what it has done so far.

use std::error::Error;
use std::time::{Duration, Instant};

use benches::process;
use bson::{Bson, Document, doc};
use futures_util::future::try_join_all;
use presence_mongo::{Base, Config, LinkConfig, Pinger};
use test_support::Mongo;
use tokio::time::sleep;

/// A server, and how long the time slots in it are.
pub(crate) struct World {
    pub(crate) mongo: Mongo,
    pub(crate) slot: Duration,
}

/// What a window of whole time slots has cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// Updates of time slots, in each.
    pub(crate) updates: f64,
    /// Processor time of mongod and of this process, in percent of a core.
    pub(crate) mongod: f64,
    pub(crate) process: f64,
}

impl World {
    pub(crate) async fn start(slot: Duration) -> Result<Self, Box<dyn Error>> {
        Ok(Self { mongo: Mongo::private().await?, slot })
    }

    /// Begins as another process would.
    pub(crate) async fn base(&self) -> Result<Base, Box<dyn Error>> {
        Ok(Base::start(config(self.mongo.url(), self.slot)).await?)
    }

    /// Watches what so many time slots cost, from one late in a slot to the next: everybody pings
    /// early in a slot.
    pub(crate) async fn cost(&self, slots: u32) -> Result<Cost, Box<dyn Error>> {
        self.late_in_a_slot().await?;
        let updates = self.updates().await?;
        let (mongod, process, begun) = (self.mongod_ns()?, process::cpu_ns("self")?, Instant::now());
        sleep(self.slot * slots).await;
        let (mongod, process) = (self.mongod_ns()? - mongod, process::cpu_ns("self")? - process);
        let elapsed = begun.elapsed().as_nanos() as f64;
        let updates = self.updates().await? - updates;
        Ok(Cost {
            updates: updates / f64::from(slots),
            mongod: mongod / elapsed * 100.0,
            process: process / elapsed * 100.0,
        })
    }

    /// Returns how many updates of time slots there were.
    pub(crate) async fn updates(&self) -> Result<f64, Box<dyn Error>> {
        let top = self.mongo.command("admin", doc! { "top": 1 }).await?;
        let pings = format!("{DATABASE}.presence.pings");
        let count = top.get_document("totals")?.get_document(&pings)?.get_document("update")?.get("count");
        number(count)
    }

    /// Returns how many documents a collection has.
    pub(crate) async fn documents(&self, part: &str) -> Result<f64, Box<dyn Error>> {
        let count = doc! { "count": format!("presence.{part}"), "query": {} };
        let answer: Document = self.mongo.command(DATABASE, count).await?;
        number(answer.get("n"))
    }

    /// The processor time that mongod has used so far, in nanoseconds.
    pub(crate) fn mongod_ns(&self) -> Result<f64, Box<dyn Error>> {
        process::cpu_ns(&self.mongo.process_id().ok_or("mongod is not ours")?.to_string())
    }

    /// Waits until three quarters of a time slot are over, by the server's clock.
    async fn late_in_a_slot(&self) -> Result<(), Box<dyn Error>> {
        let hello = self.mongo.command("admin", doc! { "hello": 1 }).await?;
        let now = u64::try_from(hello.get_datetime("localTime")?.timestamp_millis())?;
        let slot = u64::try_from(self.slot.as_millis())?;
        sleep(Duration::from_millis((slot * 3 / 4 + slot - now % slot) % slot)).await;
        Ok(())
    }
}

/// Settings that all processes share.
pub(crate) fn config(url: &str, slot: Duration) -> Config {
    // A hundred thousand start at once.
    let link = LinkConfig::new(url).database(DATABASE).timeout(Duration::from_secs(60));
    Config::new(link).slot(slot).prune_interval(None)
}

/// Starts pingers, a hundred thousand at a time.
pub(crate) async fn pingers(base: &Base, count: usize) -> Result<Vec<Pinger>, Box<dyn Error>> {
    let mut all = Vec::with_capacity(count);
    for first in (0..count).step_by(TOGETHER) {
        let numbers = first..count.min(first + TOGETHER);
        let some: Result<Vec<_>, _> = numbers.map(|number| Pinger::new(base, key(number))).collect();
        let mut some = some?;
        try_join_all(some.iter_mut().map(Pinger::start)).await?;
        all.append(&mut some);
    }
    Ok(all)
}

/// Fails if the last pings were not acknowledged.
pub(crate) fn all_ping(pingers: &[Pinger]) -> Result<(), Box<dyn Error>> {
    match pingers.first().and_then(Pinger::error) {
        Some(error) => Err(format!("pings fail: {error:#}").into()),
        None => Ok(()),
    }
}

/// Keys as agents have them.
pub(crate) fn key(number: usize) -> String {
    format!("agent#{number:07}")
}

fn number(value: Option<&Bson>) -> Result<f64, Box<dyn Error>> {
    match value {
        Some(Bson::Int32(number)) => Ok(f64::from(*number)),
        Some(Bson::Int64(number)) => Ok(*number as f64),
        Some(Bson::Double(number)) => Ok(*number),
        other => Err(format!("mongod said {other:?} for a number").into()),
    }
}

pub(crate) const DATABASE: &str = "budget";
const TOGETHER: usize = 100_000;
