//! What does a message cost that goes to a member of a sister, or of a sister's sister?
//!
//! The links are channels in memory, so no kernel is measured: a parcel is made, numbered, encoded,
//! decoded, perhaps passed on, and delivered. `cargo xtask budget hub` has links over sockets.

use std::time::Duration;

use benches::frame;
use bytes::{Bytes, BytesMut};
use conductor_hub::federation::{SisterConfig, Sisters};
use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::test_util::{MemorySister, memory_link};
use conductor_hub::{Admission, Config, Hooks, Hub};
use criterion::{BenchmarkId, Criterion, Throughput};
use futures_util::future::join;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::runtime::Runtime;
use tokio_util::task::TaskTracker;

/// Messages that are written at once.
const MESSAGES: usize = 100;

/// Bytes of the body of each.
const BODY_BYTES: usize = 150;

/// Batches that may wait in a link.
const LINK_BATCHES: usize = 16;

const CHANNEL: &str = "hello";

fn main() {
    let mut criterion = Criterion::default().sample_size(20).configure_from_args();
    cross(&mut criterion);
    criterion.final_summary();
}

/// Each message for itself is a parcel if the program publishes it; what a client writes in a row
/// is one together.
fn cross(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hub sisters");
    group.throughput(Throughput::Elements(MESSAGES as u64));
    for links in [1, 2] {
        let (runtime, tasks) = (Runtime::new().expect("threads start"), TaskTracker::new());
        let (hubs, mut sender, mut member) = runtime.block_on(row_of(links, &tasks));
        // Without a uuid a message is never a repetition, so it can be written again.
        let message = Message::with_uuid(Opcode::WRITE, "", CHANNEL, vec![b'x'; BODY_BYTES]);
        let payload = encoded(&message);
        let sent = frame::masked(frame::BINARY, &payload).repeat(MESSAGES);
        let mut received = vec![0; frame::plain(frame::BINARY, &payload).len() * MESSAGES];
        group.bench_function(BenchmarkId::new("in a row, links", links), |bencher| {
            bencher.iter(|| {
                runtime.block_on(async {
                    sender.write_all(&sent).await.expect("the hub reads");
                    member.read_exact(&mut received).await.expect("the hub writes");
                });
            });
        });
        group.bench_function(BenchmarkId::new("each a parcel, links", links), |bencher| {
            bencher.iter(|| {
                runtime.block_on(async {
                    for _ in 0..MESSAGES {
                        hubs[0].publish_message(message.clone()).expect("the message is short");
                    }
                    // The sender is a member as well.
                    sender.read_exact(&mut received).await.expect("the hub writes");
                    member.read_exact(&mut received).await.expect("the hub writes");
                });
            });
        });
        drop((sender, member));
        for hub in hubs {
            runtime.block_on(hub.shutdown(Duration::from_secs(10)));
        }
    }
}

/// Starts hubs in a row with so many links between them, a client of the first, and a member at the
/// last.
async fn row_of(links: usize, tasks: &TaskTracker) -> (Vec<Hub>, DuplexStream, DuplexStream) {
    let hubs: Vec<Hub> = (0..=links).map(|_| started()).collect();
    let member = joined(&hubs[links], tasks).await;
    // From the member on, so that each node hears at once what is wanted behind it; until it does,
    // it passes everything on.
    for pair in hubs.windows(2).rev() {
        link(&pair[0], &pair[1]).await;
    }
    let sender = joined(&hubs[0], tasks).await;
    (hubs, sender, member)
}

fn started() -> Hub {
    // Nobody here answers pings.
    let config = Config::default().ping_interval(Duration::from_secs(24 * 60 * 60));
    let hooks = Hooks::default().sisters(SisterConfig::new(*b"the secret of the benches"), Sisters::new());
    Hub::start(config, hooks).expect("configuration is valid")
}

async fn joined(hub: &Hub, tasks: &TaskTracker) -> DuplexStream {
    let (ours, theirs) = tokio::io::duplex(256 * 1024);
    let serving = hub.serve(theirs, Admission::default().bound_to(CHANNEL), Bytes::new());
    tasks.spawn(async move { serving.await.expect("hub has room") });
    while hub.members(CHANNEL) == 0 {
        tokio::task::yield_now().await;
    }
    ours
}

async fn link(from: &Hub, to: &Hub) {
    let (dialled, accepted) = memory_link(LINK_BATCHES);
    let dialling = from.add_sister(MemorySister::new(dialled));
    let (dialled, accepted) = join(dialling, to.accept_sister(accepted)).await;
    dialled.expect("they know the secret");
    accepted.expect("they know the secret");
}

fn encoded(message: &Message) -> BytesMut {
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes).expect("message is short");
    bytes
}
