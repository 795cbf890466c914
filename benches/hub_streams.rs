//! What does a piece of a stream cost the hub, from its sender to its readers?
//!
//! All of them are streams in memory, so no kernel is measured; `cargo xtask budget hub` has whole
//! streams, and `hub_codec` what of it the codec costs.

use std::time::Duration;

use benches::frame;
use bytes::{Bytes, BytesMut};
use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::{Admission, Config, Hooks, Hub};
use criterion::{BenchmarkId, Criterion, Throughput};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::runtime::Runtime;
use tokio_util::task::TaskTracker;

/// Bytes of each piece.
const PIECE: usize = 64 * 1024;

const CHANNEL: &str = "files";

fn main() {
    let mut criterion = Criterion::default().sample_size(20).configure_from_args();
    pieces(&mut criterion);
    criterion.final_summary();
}

fn pieces(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hub stream of 64 KiB pieces");
    for count in [1, 10] {
        let runtime = Runtime::new().expect("threads start");
        let (hub, tasks) = (runtime.block_on(async { started() }), TaskTracker::new());
        let sent = frame::masked(frame::BINARY, &message(Opcode::STREAM_WRITE, PIECE));
        // To each reader it comes without a mask.
        let mut received = vec![0; sent.len() - frame::MASK.len()];
        let (mut sender, mut readers) = runtime.block_on(async {
            let mut sender = member(&hub, &tasks);
            let mut readers: Vec<_> = (0..count).map(|_| member(&hub, &tasks)).collect();
            while hub.members(CHANNEL) < count + 1 {
                tokio::task::yield_now().await;
            }
            let start = message(Opcode::STREAM_START, 0);
            sender.write_all(&frame::masked(frame::BINARY, &start)).await.expect("the hub reads");
            let mut received = vec![0; frame::plain(frame::BINARY, &start).len()];
            for reader in &mut readers {
                reader.read_exact(&mut received).await.expect("the hub writes");
            }
            (sender, readers)
        });
        group.throughput(Throughput::Bytes((PIECE * count) as u64));
        group.bench_function(BenchmarkId::new("readers", count), |bencher| {
            bencher.iter(|| {
                runtime.block_on(async {
                    sender.write_all(&sent).await.expect("the hub reads");
                    for reader in &mut readers {
                        reader.read_exact(&mut received).await.expect("the hub writes");
                    }
                });
            });
        });
        drop((sender, readers));
        runtime.block_on(hub.shutdown(Duration::from_secs(10)));
    }
}

fn started() -> Hub {
    // Nobody here answers pings.
    let config = Config::default().ping_interval(Duration::from_secs(24 * 60 * 60));
    Hub::start(config, Hooks::default()).expect("configuration is valid")
}

/// Joins the channel; two pieces fit between the hub and the member.
fn member(hub: &Hub, tasks: &TaskTracker) -> DuplexStream {
    let (ours, theirs) = tokio::io::duplex(2 * PIECE + 1_024);
    let serving = hub.serve(theirs, Admission::default().bound_to(CHANNEL), Bytes::new());
    tasks.spawn(async move { serving.await.expect("hub has room") });
    ours
}

fn message(opcode: Opcode, body: usize) -> BytesMut {
    let mut bytes = BytesMut::new();
    let uuid = "00000000-0000-4000-8000-000000000000";
    Message::with_uuid(opcode, uuid, CHANNEL, vec![b'x'; body]).encode(&mut bytes).expect("message is short");
    bytes
}
