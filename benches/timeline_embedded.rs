//! How many sends and edits a second does the embedded store make durable, how many entries does it
//! hand out, and how long do lists of conversations and watchers wait?
#![allow(missing_docs, reason = "criterion_group! makes undocumented items")]
#![expect(clippy::unwrap_used, reason = "a failed call fails the bench")]

use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use tempfile::TempDir;
use timeline::embedded::EmbeddedStore;
use timeline::{
    Config, Conversation, Count, GroupName, MemberId, Message, MessageId, NewGroupMessage, NewMessage, Seq,
    Timeline, embedded,
};
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

/// Has a group take about four seconds for each of its benches.
fn short(group: &mut BenchmarkGroup<'_, WallTime>) {
    group.sample_size(10).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
}

/// Messages that are edited again and again, each by its sender.
fn edits(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let timeline = open(&runtime, &directory);
    let reader = MemberId::new("reader").unwrap();
    runtime.block_on(async {
        for caller in 0..CALLERS {
            timeline.send(NewMessage::new(member(caller), reader.clone(), message(0))).await.unwrap();
        }
    });
    let mut group = criterion.benchmark_group("timeline_embedded/durable_edits_64_callers");
    group.throughput(Throughput::Elements(1));
    short(&mut group);
    let mut next = 1;
    group.bench_function("pairs", |bencher| {
        bencher.iter_custom(|edits| {
            // An edit with the text that the message has is none.
            let first = next;
            next += edits;
            runtime.block_on(edit_all(&timeline, &reader, edits, first))
        });
    });
    group.finish();
    assert!(runtime.block_on(timeline.shutdown(GRACE)));
}

async fn edit_all(timeline: &Timeline, reader: &MemberId, edits: u64, first_text: u64) -> Duration {
    let start = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (timeline, by) = (timeline.clone(), member(caller));
        let conversation = Conversation::single(by.clone(), reader.clone());
        callers.spawn(async move {
            for number in (caller..edits).step_by(64) {
                let text = message(first_text + number);
                timeline.edit(&conversation, Seq::new(1).unwrap(), Some(by.clone()), text).await.unwrap();
            }
        });
    }
    while let Some(done) = callers.join_next().await {
        done.unwrap();
    }
    start.elapsed()
}

/// What a member with 1,000 conversations waits for.
fn lists(criterion: &mut Criterion) {
    const CONVERSATIONS: u64 = 1_000;
    let runtime = Runtime::new().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let timeline = open(&runtime, &directory);
    let me = MemberId::new("me").unwrap();
    runtime.block_on(async {
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            let (timeline, me) = (timeline.clone(), me.clone());
            callers.spawn(async move {
                for number in (caller..CONVERSATIONS).step_by(64) {
                    for _ in 0..3 {
                        let send = NewMessage::new(member(number), me.clone(), message(number));
                        timeline.send(send).await.unwrap();
                    }
                }
            });
        }
        while let Some(done) = callers.join_next().await {
            done.unwrap();
        }
    });
    let mut group = criterion.benchmark_group("timeline_embedded/of_1000_conversations");
    short(&mut group);
    for count in [100, 1_000] {
        group.bench_function(format!("page_of_{count}"), |bencher| {
            bencher.to_async(&runtime).iter(|| async {
                let page = timeline.conversations(&me, None, Count::new(count)).await.unwrap();
                assert_eq!(page.conversations.len(), count);
            });
        });
    }
    group.bench_function("all_unread", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            let page = timeline.unread_of(&me, None, Count::new(1_000)).await.unwrap();
            assert_eq!(page.views.len(), 1_000);
        });
    });
    let conversation = Conversation::single(me.clone(), member(7));
    group.bench_function("one_unread", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            assert_eq!(timeline.unread(&me, &conversation).await.unwrap().get(), 3);
        });
    });
    group.finish();
    assert!(runtime.block_on(timeline.shutdown(GRACE)));
}

/// Eight callers, each in a group of its own that has the same members.
fn group_sends(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("timeline_embedded/durable_group_sends_8_callers");
    short(&mut group);
    for members in [10, 500] {
        let directory = tempfile::tempdir().unwrap();
        let timeline = open(&runtime, &directory);
        let ids: Vec<_> = (0..members).map(member).collect();
        group.throughput(Throughput::Elements(members));
        group.bench_function(format!("members_{members}"), |bencher| {
            bencher.iter_custom(|sends| runtime.block_on(send_all_to_groups(&timeline, &ids, sends)));
        });
        assert!(runtime.block_on(timeline.shutdown(GRACE)));
    }
    group.finish();
}

async fn send_all_to_groups(timeline: &Timeline, members: &[MemberId], sends: u64) -> Duration {
    let start = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..8 {
        let (timeline, members) = (timeline.clone(), members.to_vec());
        let name = GroupName::new(format!("group-{caller}")).unwrap();
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

/// One send after the other, each until the watcher of its receiver has it.
fn watches(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let timeline = open(&runtime, &directory);
    let reader = MemberId::new("reader").unwrap();
    let mut group = criterion.benchmark_group("timeline_embedded/send_until_watched");
    short(&mut group);
    group.bench_function("one_watcher", |bencher| {
        bencher.iter_custom(|sends| {
            runtime.block_on(async {
                let inbox = timeline.sync(&reader, Seq::ZERO, Count::new(1)).await.unwrap();
                let mut watch = timeline.watch(&reader, inbox.latest_seq);
                let start = Instant::now();
                for number in 0..sends {
                    let send = NewMessage::new(member(number), reader.clone(), message(number));
                    timeline.send(send).await.unwrap();
                    assert_eq!(watch.next().await.unwrap().entries.len(), 1);
                }
                start.elapsed()
            })
        });
    });
    group.finish();
    assert!(runtime.block_on(timeline.shutdown(GRACE)));
}

criterion_group!(benches, sends, reads, edits, lists, group_sends, watches);
criterion_main!(benches);
