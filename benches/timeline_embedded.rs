//! How many sends a second does the embedded store make durable, and how many entries does it hand
//! out?
#![allow(missing_docs, reason = "criterion_group! makes undocumented items")]
#![expect(clippy::unwrap_used, reason = "a failed call fails the bench")]

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tempfile::TempDir;
use timeline::embedded::EmbeddedStore;
use timeline::{Config, Count, MemberId, Message, MessageId, NewMessage, Seq, Timeline, embedded};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// A time that only a hang reaches.
const GRACE: Duration = Duration::from_secs(60);

/// Concurrent callers, each waiting for its answer before it sends again.
const CALLERS: u64 = 64;
const MEMBERS: u64 = 1_000;

fn open(runtime: &Runtime, directory: &TempDir) -> Timeline {
    let config = embedded::Config::new(directory.path());
    let store = runtime.block_on(EmbeddedStore::start(config)).unwrap();
    Timeline::start(Config::default(), store).unwrap()
}

fn member(number: u64) -> MemberId {
    MemberId::new(format!("user-{}", number % MEMBERS)).unwrap()
}

fn message(number: u64) -> Message {
    Message::new(format!("{{\"text\":\"{number:064}\",\"kind\":\"text\",\"at\":1700000000000}}")).unwrap()
}

async fn send_all(timeline: &Timeline, sends: u64, with_ids: bool, round: u64) -> Duration {
    let start = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let timeline = timeline.clone();
        callers.spawn(async move {
            for number in (caller..sends).step_by(64) {
                let message_id = with_ids.then(|| MessageId::new(format!("{round}-{number}")).unwrap());
                let (from, to) = (member(number * 7), member(number * 13 + 1));
                let send = NewMessage::new(from, to, message(number)).message_id(message_id);
                timeline.send(send).await.unwrap();
            }
        });
    }
    while let Some(done) = callers.join_next().await {
        done.unwrap();
    }
    start.elapsed()
}

fn sends(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("timeline_embedded/durable_sends_64_callers");
    group.throughput(Throughput::Elements(1)).sample_size(10).measurement_time(Duration::from_secs(10));
    for (name, with_ids) in [("bare", false), ("with_message_id", true)] {
        let directory = tempfile::tempdir().unwrap();
        let timeline = open(&runtime, &directory);
        let mut round = 0;
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|sends| {
                round += 1;
                runtime.block_on(send_all(&timeline, sends, with_ids, round))
            });
        });
        assert!(runtime.block_on(timeline.shutdown(GRACE)));
    }
    group.finish();
}

fn reads(criterion: &mut Criterion) {
    const ENTRIES: u64 = 20_000;
    let runtime = Runtime::new().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let timeline = open(&runtime, &directory);
    let reader = MemberId::new("reader").unwrap();
    runtime.block_on(async {
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            let (timeline, reader) = (timeline.clone(), reader.clone());
            callers.spawn(async move {
                for number in (caller..ENTRIES).step_by(64) {
                    let send = NewMessage::new(member(number), reader.clone(), message(number));
                    timeline.send(send).await.unwrap();
                }
            });
        }
        while let Some(done) = callers.join_next().await {
            done.unwrap();
        }
    });
    let mut group = criterion.benchmark_group("timeline_embedded/sync_entries");
    group.throughput(Throughput::Elements(ENTRIES)).sample_size(20);
    for count in [100, 1_000] {
        group.bench_function(format!("pages_of_{count}"), |bencher| {
            bencher.to_async(&runtime).iter(|| async {
                let mut last_read = Seq::ZERO;
                loop {
                    let inbox = timeline.sync(&reader, last_read, Count::new(count)).await.unwrap();
                    last_read = inbox.entry_set_last_seq;
                    if last_read == inbox.latest_seq {
                        break;
                    }
                }
            });
        });
    }
    group.finish();
    assert!(runtime.block_on(timeline.shutdown(GRACE)));
}

criterion_group!(benches, sends, reads);
criterion_main!(benches);
