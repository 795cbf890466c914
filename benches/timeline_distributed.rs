//! How many sends a second does the store on MongoDB make durable, with Redis and without, how many
//! entries does it hand out, and how long do lists of conversations and watchers on another node
//! wait?
//!
//! Times are on the wall clock, with a MongoDB and a Redis of this machine at the other end of the
//! loopback.

#![allow(clippy::unwrap_used, reason = "a bench stops where it fails")]

use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use test_support::{Mongo, Redis, unique};
use timeline::distributed::{Config, DistributedStore};
use timeline::{
    Count, GroupName, MemberId, Message, NewGroupMessage, NewMessage, Seq, State, Store, Timeline,
};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// A time that only a hang reaches.
const GRACE: Duration = Duration::from_secs(60);

/// Concurrent callers, each waiting for its answer before it sends again.
const CALLERS: u64 = 64;
const MEMBERS: u64 = 1_000;

fn main() {
    let runtime = Runtime::new().unwrap();
    let mongo = runtime.block_on(Mongo::start()).unwrap();
    let redis = runtime.block_on(Redis::start()).unwrap();
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    for (mode, redis) in [("redis and mongo", Some(&redis)), ("mongo", None)] {
        let world = runtime.block_on(World::start(mode, &mongo, redis));
        sends(&mut criterion, &runtime, &world);
        group_sends(&mut criterion, &runtime, &world);
        reads(&mut criterion, &runtime, &world);
        lists(&mut criterion, &runtime, &world);
        watches(&mut criterion, &runtime, &world);
        runtime.block_on(world.shutdown());
    }
    criterion.final_summary();
}

/// Two nodes of one store.
struct World {
    mode: &'static str,
    here: Timeline,
    there: Timeline,
}

impl World {
    async fn start(mode: &'static str, mongo: &Mongo, redis: Option<&Redis>) -> Self {
        let database = unique("timeline");
        let mut config = Config::new(mongo.url()).database(&*database);
        if let Some(redis) = redis {
            config = config.redis(redis.url()).redis_prefix(format!("{database}:"));
        }
        Self { mode, here: node(config.clone()).await, there: node(config).await }
    }

    async fn shutdown(self) {
        for node in [self.here, self.there] {
            assert!(node.shutdown(GRACE).await);
        }
    }

    fn name(&self, what: &str) -> String {
        format!("timeline_distributed/{}/{what}", self.mode)
    }
}

/// Starts a node, and returns once it takes calls.
async fn node(config: Config) -> Timeline {
    let store = DistributedStore::start(config).await.unwrap();
    store.state().wait_for(State::is_well).await.unwrap();
    Timeline::start(timeline::Config::default(), store).unwrap()
}

fn member(number: u64) -> MemberId {
    MemberId::new(format!("user-{}", number % MEMBERS)).unwrap()
}

fn message(number: u64) -> Message {
    Message::new(format!("{{\"text\":\"{number:064}\",\"kind\":\"text\",\"at\":1700000000000}}")).unwrap()
}

/// Has all callers send, to whom `to` says; returns how long it took.
async fn send_all(timeline: &Timeline, sends: u64, to: fn(u64) -> MemberId) -> Duration {
    let start = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let timeline = timeline.clone();
        callers.spawn(async move {
            for number in (caller..sends).step_by(64) {
                let send = NewMessage::new(member(number * 7), to(number), message(number));
                timeline.send(send).await.unwrap();
            }
        });
    }
    while let Some(done) = callers.join_next().await {
        done.unwrap();
    }
    start.elapsed()
}

fn sends(criterion: &mut Criterion, runtime: &Runtime, world: &World) {
    let mut group = criterion.benchmark_group(world.name("durable_sends_64_callers"));
    group.throughput(Throughput::Elements(1));
    group.bench_function("pairs", |bencher| {
        bencher.iter_custom(|sends| {
            runtime.block_on(send_all(&world.here, sends, |number| member(number * 13 + 1)))
        });
    });
    group.finish();
}

/// Eight callers, each in a group of its own that has the same members.
fn group_sends(criterion: &mut Criterion, runtime: &Runtime, world: &World) {
    let mut group = criterion.benchmark_group(world.name("durable_group_sends_8_callers"));
    for members in [10, 500] {
        let ids: Vec<_> = (0..members).map(member).collect();
        group.throughput(Throughput::Elements(members));
        group.bench_function(format!("members_{members}"), |bencher| {
            bencher.iter_custom(|sends| runtime.block_on(send_all_to_groups(&world.here, &ids, sends)));
        });
    }
    group.finish();
}

async fn send_all_to_groups(timeline: &Timeline, members: &[MemberId], sends: u64) -> Duration {
    let start = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..8 {
        let (timeline, members) = (timeline.clone(), members.to_vec());
        let name = GroupName::new(format!("group-{}-{caller}", members.len())).unwrap();
        callers.spawn(async move {
            for number in (caller..sends).step_by(8) {
                let send = NewGroupMessage::new(name.clone(), members.clone(), message(number));
                timeline.send_group(send.from(members.first().cloned())).await.unwrap();
            }
        });
    }
    while let Some(done) = callers.join_next().await {
        done.unwrap();
    }
    start.elapsed()
}

fn reader(_number: u64) -> MemberId {
    MemberId::new("reader").unwrap()
}

/// Pages of the usual size, one after the other.
fn reads(criterion: &mut Criterion, runtime: &Runtime, world: &World) {
    const ENTRIES: u64 = 5_000;
    runtime.block_on(send_all(&world.here, ENTRIES, reader));
    let mut group = criterion.benchmark_group(world.name("sync_entries"));
    group.throughput(Throughput::Elements(ENTRIES));
    group.bench_function("pages_of_100", |bencher| {
        bencher.to_async(runtime).iter(|| async {
            let (mut last, mut read) = (Seq::ZERO, 0);
            while read < ENTRIES {
                let page = world.here.sync(&reader(0), last, Count::default()).await.unwrap();
                read += page.entries.len() as u64;
                last = page.entry_set_last_seq;
            }
        });
    });
    group.finish();
}

/// What the member waits for to whom 1,000 others have written.
fn lists(criterion: &mut Criterion, runtime: &Runtime, world: &World) {
    let mut group = criterion.benchmark_group(world.name("of_1000_conversations"));
    for count in [100, 1_000] {
        group.bench_function(format!("page_of_{count}"), |bencher| {
            bencher.to_async(runtime).iter(|| async {
                let page = world.here.conversations(&reader(0), None, Count::new(count)).await.unwrap();
                assert_eq!(page.conversations.len(), count);
            });
        });
    }
    group.finish();
}

/// One send after the other, each until a watcher on the other node has it.
fn watches(criterion: &mut Criterion, runtime: &Runtime, world: &World) {
    let watched = MemberId::new("watched").unwrap();
    criterion.bench_function(&world.name("send_until_watched_elsewhere"), |bencher| {
        bencher.iter_custom(|sends| {
            runtime.block_on(async {
                let mut watch = world.there.watch(&watched, last_of(&world.there, &watched).await);
                let start = Instant::now();
                for number in 0..sends {
                    let send = NewMessage::new(member(number), watched.clone(), message(number));
                    world.here.send(send).await.unwrap();
                    assert_eq!(watch.next().await.unwrap().entries.len(), 1);
                }
                start.elapsed()
            })
        });
    });
}

/// Returns where an inbox ends.
async fn last_of(timeline: &Timeline, member: &MemberId) -> Seq {
    timeline.sync(member, Seq::ZERO, Count::new(1)).await.unwrap().latest_seq
}
