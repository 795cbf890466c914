//! What does it cost to queue a message for the members of a channel, by their number?
//!
//! The members read through streams in memory, so no kernel is measured;
//! `cargo xtask budget hub` has whole deliveries.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use conductor_hub::{Admission, Config, Hooks, Hub};
use criterion::{BenchmarkId, Criterion, Throughput};
use tokio::io::{AsyncReadExt, DuplexStream};
use tokio::runtime::Runtime;
use tokio_util::task::TaskTracker;

fn main() {
    let mut criterion = Criterion::default().sample_size(20).configure_from_args();
    publish(&mut criterion);
    criterion.final_summary();
}

fn publish(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hub publish");
    for members in [1, 10, 100, 1_000] {
        let runtime = Runtime::new().expect("threads start");
        let (hub, tasks) = runtime.block_on(channel_of(members));
        group.throughput(Throughput::Elements(members as u64));
        group.bench_function(BenchmarkId::new("members", members), |bencher| {
            bencher.iter_custom(|rounds| {
                let mut spent = Duration::ZERO;
                for _ in 0..rounds {
                    let start = Instant::now();
                    let receivers = hub.publish(black_box("hello"), Bytes::from_static(&[b'x'; 64]));
                    spent += start.elapsed();
                    assert_eq!(receivers.expect("name is short"), members);
                    // Everybody reads before the next, or their outboxes would fill.
                    runtime.block_on(tokio::task::yield_now());
                }
                spent
            });
        });
        runtime.block_on(hub.shutdown(Duration::from_secs(10)));
        drop(tasks);
    }
}

async fn channel_of(members: usize) -> (Hub, TaskTracker) {
    let config = Config::default().outbox_bytes_max(1 << 30);
    let hub = Hub::start(config, Hooks::default()).expect("configuration is valid");
    let tasks = TaskTracker::new();
    for _ in 0..members {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let serving = hub.serve(theirs, Admission::default().bound_to("hello"), Bytes::new());
        tasks.spawn(async move { serving.await.expect("hub has room") });
        tasks.spawn(drain(ours));
    }
    while hub.members("hello") < members {
        tokio::task::yield_now().await;
    }
    (hub, tasks)
}

async fn drain(mut socket: DuplexStream) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(1..) = socket.read(&mut buffer).await {}
}
