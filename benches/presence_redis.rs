//! What do Online, Offline and Status cost on Redis, by batch size and by callers at once, in both
//! layouts?
//!
//! The table that the Go package's repository has for itself. Its Online mixes heartbeats and
//! arrivals, since its batch expires now and then; here they are apart, and nothing expires. Times
//! are of the whole call on the wall clock, with a Redis of this machine at the other end of the
//! loopback.

#![allow(clippy::unwrap_used, reason = "a bench stops where it fails")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use futures_util::future::{BoxFuture, join_all};
use presence_core::{Id, Presence};
use presence_redis::{Keyspace, Leases, keyspace, leases};
use test_support::Redis;
use tokio::runtime::Runtime;
use tokio_util::task::TaskTracker;

fn main() {
    let runtime = Runtime::new().unwrap();
    // A server for each, so that neither pays for the other's notifications.
    let worlds = [World::start(&runtime, "Keyspace"), World::start(&runtime, "Leases")];
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    for call in &CALLS {
        by_batch(&mut criterion, &runtime, &worlds, call);
    }
    for call in &CALLS {
        in_parallel(&mut criterion, &runtime, &worlds, call);
    }
    criterion.final_summary();
    runtime.block_on(async {
        for world in &worlds {
            world.presence.shutdown(Duration::from_secs(30)).await;
        }
    });
}

/// What is timed, and what is done before each time.
struct Call {
    name: &'static str,
    before: Option<Step>,
    timed: Step,
}

#[derive(Clone, Copy)]
enum Step {
    Online,
    Offline,
    Status,
}

const CALLS: [Call; 4] = [
    Call { name: "heartbeat", before: None, timed: Step::Online },
    Call { name: "arrival", before: Some(Step::Offline), timed: Step::Online },
    Call { name: "departure", before: Some(Step::Online), timed: Step::Offline },
    Call { name: "status", before: None, timed: Step::Status },
];

/// A layout with its server.
struct World {
    layout: &'static str,
    presence: Presence,
    _redis: Redis,
}

impl World {
    fn start(runtime: &Runtime, layout: &'static str) -> Self {
        runtime.block_on(async {
            let redis = Redis::private().await.unwrap();
            let ttl = Duration::from_hours(1);
            let presence = if layout == "Leases" {
                let config = leases::Config::new(redis.url()).ttl(ttl);
                Presence::new(Leases::start(config).await.unwrap())
            } else {
                let config = keyspace::Config::new(redis.url());
                let config = config.ttl(ttl).notifications(keyspace::Notifications::Set);
                Presence::new(Keyspace::start(config).await.unwrap())
            };
            Self { layout, presence, _redis: redis }
        })
    }
}

impl Step {
    fn run<'a>(self, presence: &'a Presence, ids: &'a [Id]) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            match self {
                Self::Online => presence.online(ids).await.unwrap(),
                Self::Offline => presence.offline(ids).await.unwrap(),
                Self::Status => drop(presence.status(ids).await.unwrap()),
            }
        })
    }
}

fn by_batch(criterion: &mut Criterion, runtime: &Runtime, worlds: &[World], call: &Call) {
    let mut group = criterion.benchmark_group(format!("presence redis {}", call.name));
    for size in [1, 10, 100, 1_000, 10_000] {
        let ids = ids(0, size);
        group.throughput(Throughput::Elements(size as u64));
        for world in worlds {
            let presence = &world.presence;
            runtime.block_on(presence.online(&ids)).unwrap();
            group.bench_function(BenchmarkId::new(world.layout, size), |bencher| {
                bencher.iter_custom(|rounds| {
                    runtime.block_on(async {
                        let mut spent = Duration::ZERO;
                        for _ in 0..rounds {
                            if let Some(before) = call.before {
                                before.run(presence, &ids).await;
                            }
                            let start = Instant::now();
                            call.timed.run(presence, &ids).await;
                            spent += start.elapsed();
                        }
                        spent
                    })
                });
            });
            runtime.block_on(presence.offline(&ids)).unwrap();
        }
    }
}

/// Several callers at once, each with a batch of its own: the time in which each of them made one
/// call.
fn in_parallel(criterion: &mut Criterion, runtime: &Runtime, worlds: &[World], call: &Call) {
    let mut group = criterion.benchmark_group(format!("presence redis {} in parallel", call.name));
    for callers in [1, 2, 4, 8] {
        let batches: Vec<Arc<[Id]>> = (0..callers).map(|caller| ids(caller, BATCH).into()).collect();
        group.throughput(Throughput::Elements((callers * BATCH) as u64));
        for world in worlds {
            let everybody = |step: Step| {
                join_all(batches.iter().map(|batch| {
                    let (presence, batch) = (world.presence.clone(), Arc::clone(batch));
                    let step = async move { step.run(&presence, &batch).await };
                    let handle = TaskTracker::new().spawn_on(step, runtime.handle());
                    async { handle.await.unwrap() }
                }))
            };
            runtime.block_on(everybody(Step::Online));
            group.bench_function(BenchmarkId::new(world.layout, callers), |bencher| {
                bencher.iter_custom(|rounds| {
                    runtime.block_on(async {
                        let mut spent = Duration::ZERO;
                        for _ in 0..rounds {
                            if let Some(before) = call.before {
                                everybody(before).await;
                            }
                            let start = Instant::now();
                            everybody(call.timed).await;
                            spent += start.elapsed();
                        }
                        spent
                    })
                });
            });
            runtime.block_on(everybody(Step::Offline));
        }
    }
}

/// The ids of one caller.
fn ids(caller: usize, count: usize) -> Vec<Id> {
    (0..count).map(|number| Id::new(&format!("user {caller} {number}")).unwrap()).collect()
}

/// How many ids each call of several callers is for, as in the ancestor's table.
const BATCH: usize = 1_000;
