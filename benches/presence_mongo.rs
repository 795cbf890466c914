//! What do pings, syncs and changes cost with 1,000 and with 100,000 beings?
//!
//! Times are of the whole on the wall clock, with a MongoDB of this machine at the other end of the
//! loopback: a start or a kill until it is acknowledged by a majority, a sync until what it read
//! was delivered, and a change from before the kill or the start until a watcher elsewhere has it.
//! The update of a whole slot is no call: `cargo xtask budget mongo` measures it.

#![allow(clippy::unwrap_used, reason = "a bench stops where it fails")]

use std::time::Duration;

use criterion::Criterion;
use futures_util::future::try_join_all;
use presence_mongo::{Base, Config, LinkConfig, Pinger, WatchStream, Watcher};
use test_support::{Mongo, unique};
use tokio::runtime::Runtime;

fn main() {
    let runtime = Runtime::new().unwrap();
    let mongo = runtime.block_on(Mongo::start()).unwrap();
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    for beings in [1_000, 100_000] {
        let mut world = runtime.block_on(World::start(&mongo, beings));
        pings(&mut criterion, &runtime, &world);
        syncs(&mut criterion, &runtime, &world);
        changes(&mut criterion, &runtime, &mut world);
        runtime.block_on(world.shutdown());
    }
    criterion.final_summary();
}

/// A process that pings for many, and one that watches.
struct World {
    beings: usize,
    here: Base,
    there: Base,
    pingers: Vec<Pinger>,
    pinger: Pinger,
    watcher: Watcher,
    stream: WatchStream,
}

impl World {
    async fn start(mongo: &Mongo, beings: usize) -> Self {
        let link = LinkConfig::new(mongo.url()).database(unique("presence"));
        // A hundred thousand start at once.
        let link = link.timeout(Duration::from_secs(60));
        let config = Config::new(link).slot(Duration::from_secs(30));
        let here = Base::start(config.clone()).await.unwrap();
        let there = Base::start(config).await.unwrap();
        let pingers = (0..beings).map(|number| Pinger::new(&here, format!("key {number}")));
        let mut pingers: Vec<Pinger> = pingers.map(Result::unwrap).collect();
        try_join_all(pingers.iter_mut().map(Pinger::start)).await.unwrap();
        let pinger = Pinger::new(&here, "watched").unwrap();
        let watcher = Watcher::new(&there).unwrap();
        let mut stream = watcher.watch("watched").unwrap();
        assert!(!stream.next().await.unwrap().unwrap().alive);
        Self { beings, here, there, pingers, pinger, watcher, stream }
    }

    async fn shutdown(self) {
        drop(self.pingers);
        for base in [self.here, self.there] {
            assert!(base.shutdown(Duration::from_secs(30)).await);
        }
    }
}

/// A start and a kill of one key beside the others.
fn pings(criterion: &mut Criterion, runtime: &Runtime, world: &World) {
    let mut pinger = Pinger::new(&world.here, "another").unwrap();
    criterion.bench_function(&name("start and kill", world), |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                pinger.start().await.unwrap();
                pinger.kill().await.unwrap();
            });
        });
    });
}

/// A read of all that counts, when all of it is known.
fn syncs(criterion: &mut Criterion, runtime: &Runtime, world: &World) {
    criterion.bench_function(&name("sync", world), |bencher| {
        bencher.iter(|| runtime.block_on(world.watcher.sync()).unwrap());
    });
}

/// A start and a kill, each until another process has been told.
fn changes(criterion: &mut Criterion, runtime: &Runtime, world: &mut World) {
    let name = name("start and kill, seen", world);
    let World { pinger, stream, .. } = world;
    criterion.bench_function(&name, |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                pinger.start().await.unwrap();
                assert!(stream.next().await.unwrap().unwrap().alive);
                pinger.kill().await.unwrap();
                assert!(!stream.next().await.unwrap().unwrap().alive);
            });
        });
    });
}

fn name(what: &str, world: &World) -> String {
    format!("presence-mongo/{what}/{}", world.beings)
}
