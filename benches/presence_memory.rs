//! What does an id cost in memory, a heartbeat in nanoseconds, throttled or not, and how late is an
//! offline event? What does a member of a room cost?
//!
//! The bytes and the lateness are printed before criterion starts, unless a filter asks for less.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench stops where it fails, and prints what it finds"
)]

use std::collections::HashMap;
use std::hint::black_box;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use presence_core::memory::{Config, Memory};
use presence_core::rooms::Rooms;
use presence_core::throttled::{self, Throttled};
use presence_core::{Backend, Id, Presence, Since, Status, Update};
use tokio::runtime::Runtime;

fn main() {
    if let Some(shape) = std::env::args().skip_while(|argument| argument != BYTES).nth(1) {
        println!("{}", bytes_per_id(&shape));
        return;
    }
    if std::env::args().skip(1).eq(["--bench".to_owned()]) {
        for shape in SHAPES {
            println!(
                "presence memory, {MILLION} ids, {shape}: {} bytes per id",
                in_a_process_of_its_own(shape)
            );
        }
        lateness();
        mass_expiry();
    }
    let mut criterion = Criterion::default().sample_size(20).configure_from_args();
    heartbeat(&mut criterion);
    throttled(&mut criterion);
    transition(&mut criterion);
    status(&mut criterion);
    rooms(&mut criterion);
    criterion.final_summary();
}

/// Time this thread was on a processor, which is where all of a call happens: a busy machine does
/// not count.
///
/// Source: proc(5), `/proc/pid/schedstat`, first field, in nanoseconds.
fn cpu_time() -> Duration {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(schedstat.split(' ').next().unwrap().parse().unwrap())
}

/// Heartbeats of ids that are online, in random order, by batch size and number of ids.
fn heartbeat(criterion: &mut Criterion) {
    for count in [10_000, MILLION] {
        let (runtime, presence, ids) = world(count, Duration::from_hours(1));
        beat(criterion, &format!("presence heartbeat, {count} ids"), &runtime, &presence, &ids);
    }
}

/// The same through a throttle, which answers them all.
fn throttled(criterion: &mut Criterion) {
    let ttl = Duration::from_hours(24);
    let (runtime, memory, ids) = world(MILLION, ttl);
    let presence = runtime.block_on(async {
        drop(memory);
        let presence = Presence::new(throttle(Arc::new(memory_of(ttl, 65_536)), ttl).await);
        presence.online(&ids).await.unwrap();
        presence
    });
    let name = format!("presence throttled heartbeat, {MILLION} ids");
    beat(criterion, &name, &runtime, &presence, &ids);
}

fn beat(criterion: &mut Criterion, name: &str, runtime: &Runtime, presence: &Presence, ids: &[Id]) {
    let mut group = criterion.benchmark_group(name);
    for size in [1, 10, 100, 1_000, 10_000] {
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new("batch", size), |bencher| {
            let mut batches = ids.chunks_exact(size).cycle();
            bencher.iter_custom(|rounds| {
                runtime.block_on(async {
                    let start = cpu_time();
                    for batch in batches.by_ref().take(usize::try_from(rounds).unwrap()) {
                        presence.online(black_box(batch)).await.unwrap();
                    }
                    cpu_time().saturating_sub(start)
                })
            });
        });
    }
}

/// One arrival and one explicit departure of each id.
fn transition(criterion: &mut Criterion) {
    let (runtime, presence, ids) = world(MILLION, Duration::from_hours(1));
    let mut group = criterion.benchmark_group("presence offline and online again, 1000000 ids");
    for size in [1, 100, 10_000] {
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new("batch", size), |bencher| {
            let mut batches = ids.chunks_exact(size).cycle();
            bencher.iter_custom(|rounds| {
                runtime.block_on(async {
                    let start = cpu_time();
                    for batch in batches.by_ref().take(usize::try_from(rounds).unwrap()) {
                        presence.offline(black_box(batch)).await.unwrap();
                        presence.online(black_box(batch)).await.unwrap();
                    }
                    cpu_time().saturating_sub(start)
                })
            });
        });
    }
}

/// Statuses of ids in random order.
fn status(criterion: &mut Criterion) {
    let (runtime, presence, ids) = world(MILLION, Duration::from_hours(1));
    let mut group = criterion.benchmark_group("presence status, 1000000 ids");
    for size in [1, 100, 10_000] {
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::new("batch", size), |bencher| {
            let mut batches = ids.chunks_exact(size).cycle();
            bencher.iter_custom(|rounds| {
                runtime.block_on(async {
                    let start = cpu_time();
                    for batch in batches.by_ref().take(usize::try_from(rounds).unwrap()) {
                        black_box(presence.status(black_box(batch)).await.unwrap());
                    }
                    cpu_time().saturating_sub(start)
                })
            });
        });
    }
}

/// Members come, change what they show, and go, in a room with many others that one stream follows.
fn rooms(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut group = criterion.benchmark_group("presence join, update and removal of a member");
    for members in [10, 10_000] {
        let (rooms, _events) = runtime.block_on(async {
            let rooms = Rooms::new(memory_of(Duration::from_hours(1), 65_536));
            for number in 0..members {
                rooms.join("lobby", id("short", number), "tab", "{}").await.unwrap();
            }
            let events = rooms.events("lobby", Since::Now).await.unwrap();
            (rooms, events)
        });
        let newcomer = id("uuid", 0);
        group.throughput(Throughput::Elements(3));
        group.bench_function(BenchmarkId::new("members", members), |bencher| {
            bencher.iter_custom(|rounds| {
                runtime.block_on(async {
                    let start = cpu_time();
                    for _ in 0..rounds {
                        rooms.join("lobby", &newcomer, "tab", "{}").await.unwrap();
                        rooms.update("lobby", &newcomer, "{1}").await.unwrap();
                        rooms.remove("lobby", &newcomer).await.unwrap();
                    }
                    cpu_time().saturating_sub(start)
                })
            });
        });
    }
}

/// A million ids online and beating, of which 10,000 fall silent over a second.
fn lateness() {
    const SILENT: usize = 10_000;
    let ttl = Duration::from_secs(8);
    let (runtime, presence, ids) = world(MILLION, ttl);
    let (silent, beating) = ids.split_at(SILENT);
    runtime.block_on(async {
        let mut events = presence.events(Since::Now).await.unwrap();
        let beats = tokio::task::JoinSet::from_iter([{
            let (presence, beating) = (presence.clone(), beating.to_vec());
            async move {
                loop {
                    for batch in beating.chunks(1_000) {
                        presence.online(batch).await.unwrap();
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                }
            }
        }]);
        let mut deadlines = HashMap::new();
        for batch in silent.chunks(10) {
            presence.online(batch).await.unwrap();
            let deadline = Instant::now() + ttl;
            deadlines.extend(batch.iter().map(|id| (id.clone(), deadline)));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let mut late = Vec::with_capacity(SILENT);
        while late.len() < SILENT {
            let Some(Ok(Update::Change(event))) = events.next().await else { continue };
            assert_eq!(event.status, Status::Offline);
            let deadline = deadlines.remove(&event.id).expect("only the silent, each once");
            late.push(Instant::now().saturating_duration_since(deadline));
        }
        late.sort_unstable();
        let at = |percent: usize| late[(SILENT * percent / 100).min(SILENT - 1)];
        println!(
            "presence offline event, {MILLION} ids online, {SILENT} silent: p50 {:?}, p99 {:?}, max {:?} after the deadline, 0 lost, 0 doubled",
            at(50),
            at(99),
            at(100)
        );
        drop(beats);
    });
}

/// Everybody falls silent at the same moment.
fn mass_expiry() {
    let ttl = Duration::from_secs(3);
    let (runtime, presence, ids) = world(MILLION, ttl);
    runtime.block_on(async {
        for batch in ids.chunks(10_000) {
            presence.online(batch).await.unwrap();
        }
        let beat = Instant::now();
        while presence.count().await.unwrap() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        println!(
            "presence expiry of {MILLION} ids at once: {:?} after the deadline",
            beat.elapsed().saturating_sub(ttl)
        );
    });
}

/// Everybody online, and the ids in another order.
fn world(count: usize, ttl: Duration) -> (Runtime, Presence, Vec<Id>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (presence, mut ids) = runtime.block_on(async {
        let presence = start(ttl);
        let ids: Vec<_> = (0..count).map(|number| id("short", number)).collect();
        presence.online(&ids).await.unwrap();
        (presence, ids)
    });
    shuffle(&mut ids);
    (runtime, presence, ids)
}

fn start(ttl: Duration) -> Presence {
    Presence::new(memory_of(ttl, 65_536))
}

fn memory_of(ttl: Duration, events_max: usize) -> Memory {
    let config = Config::default().ttl(ttl).grace(Duration::ZERO).events_max(events_max);
    Memory::start(config).unwrap()
}

async fn throttle(inner: Arc<dyn Backend>, ttl: Duration) -> Throttled {
    Throttled::start(throttled::Config::default().ttl(ttl), inner).await.unwrap()
}

fn id(shape: &str, number: usize) -> Id {
    let id = match shape {
        "uuid" => format!("{number:08x}-1111-4222-8333-0123456789ab"),
        "64 bytes" => format!("{number:064}"),
        _ => format!("user:{number:07}"),
    };
    Id::new(&id).unwrap()
}

/// Fisher and Yates, with a fixed seed.
fn shuffle(ids: &mut [Id]) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for last in (1..ids.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ids.swap(last, usize::try_from(state % (last as u64 + 1)).unwrap());
    }
}

/// What the allocator gave back and keeps would blur a second measurement in one process.
fn in_a_process_of_its_own(shape: &str) -> String {
    let output = Command::new(std::env::current_exe().unwrap()).args([BYTES, shape]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Resident bytes that a million ids add.
fn bytes_per_id(shape: &str) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        // The event log is bounded, and no part of an id.
        let ttl = Duration::from_hours(1);
        let memory: Arc<dyn Backend> = Arc::new(memory_of(ttl, 1));
        let mut presence = Presence::from(Arc::clone(&memory));
        if shape == "throttled" {
            // What the throttle adds to a backend that has them all already.
            for number in 0..MILLION {
                presence.online([id(shape, number)]).await.unwrap();
            }
            presence = Presence::new(throttle(memory, ttl).await);
        }
        let before = resident_bytes();
        for number in 0..MILLION {
            let id = id(shape, number);
            if shape == "held" {
                presence.hold_device(&id, "0123456789abcdef").await.unwrap();
            } else {
                presence.online([&id]).await.unwrap();
            }
        }
        (resident_bytes() - before) / MILLION
    })
}

/// Source: proc(5), `/proc/pid/statm`, second field, in pages; 4,096 bytes on the machines we
/// measure.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4_096
}

const MILLION: usize = 1_000_000;
const BYTES: &str = "--bytes-per-id";
const SHAPES: [&str; 5] = ["short", "uuid", "64 bytes", "held", "throttled"];
