//! A watch over a store whose reads fail for a while.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use timeline::memory::MemoryStore;
use timeline::store::{Append, Appended, GroupChange, InboxChanges};
use timeline::{
    Config, Conversation, Count, Error, ErrorKind, Group, GroupName, GroupPage, HistoryPage, InboxPage,
    MemberId, Message, NewMessage, PageRequest, Position, Result, Seq, State, Timeline, Watch,
};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_stream::StreamExt;

use crate::mocked;

/// A store in memory that cannot be read so many times, or lacks what is next.
#[derive(Debug, Default)]
struct Failing {
    store: MemoryStore,
    failures: AtomicU32,
    has_hole: AtomicBool,
    reads: AtomicU32,
}

mocked::store!(Failing {
    async fn append(&self, append: Append) -> Result<Appended> {
        self.store.append(append).await
    }

    async fn inbox(&self, member: &MemberId, last_read: Position, count: Count) -> Result<InboxPage> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let fail = |failures: u32| failures.checked_sub(1);
        if self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fail).is_ok() {
            return Err(Error::new(ErrorKind::Unavailable, "the test wants it"));
        }
        let mut page = self.store.inbox(member, last_read, count).await?;
        if self.has_hole.load(Ordering::Relaxed) {
            page.entries.clear();
        }
        Ok(page)
    }

    async fn history(&self, conversation: &Conversation, page: PageRequest) -> Result<HistoryPage> {
        self.store.history(conversation, page).await
    }

    async fn ack(&self, member: &MemberId, sequence: Seq) -> Result<Seq> {
        self.store.ack(member, sequence).await
    }

    fn inbox_changes(&self, member: &MemberId) -> InboxChanges {
        self.store.inbox_changes(member)
    }

    async fn received(&self, member: &MemberId, sequence: Seq) -> Result<Seq> {
        self.store.received(member, sequence).await
    }

    async fn received_of(&self, member: &MemberId) -> Result<Seq> {
        self.store.received_of(member).await
    }

    async fn change_group(&self, group: &GroupName, change: GroupChange) -> Result<Group> {
        self.store.change_group(group, change).await
    }

    async fn group(&self, group: &GroupName) -> Result<Option<Group>> {
        self.store.group(group).await
    }

    async fn groups_of(
        &self,
        member: &MemberId,
        after: Option<&GroupName>,
        count: Count,
    ) -> Result<GroupPage> {
        self.store.groups_of(member, after, count).await
    }

    fn state(&self) -> watch::Receiver<State> {
        self.store.state()
    }

    async fn shutdown(&self, grace: Duration) -> bool {
        self.store.shutdown(grace).await
    }
});

/// A timeline over a store that fails when it is told to, and a watch of the inbox of `b`.
fn start() -> (Arc<Failing>, Timeline, Watch) {
    let store = Arc::new(Failing::default());
    let timeline = Timeline::start(Config::default(), Arc::clone(&store)).unwrap();
    let watch = timeline.watch(&member("b"), Seq::ZERO);
    (store, timeline, watch)
}

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

async fn send(timeline: &Timeline) {
    let message = Message::new("{}").unwrap();
    timeline.send(NewMessage::new(member("a"), member("b"), message)).await.unwrap();
}

async fn next(watch: &mut Watch) -> Vec<u64> {
    watch.next().await.unwrap().entries.iter().map(|entry| entry.sequence.get()).collect()
}

/// Whether nothing is there yet; paused time does not pass by this.
fn waits(watch: &mut Watch) -> bool {
    let next = pin!(watch.next());
    matches!(next.poll(&mut Context::from_waker(Waker::noop())), Poll::Pending)
}

#[tokio::test(start_paused = true)]
async fn a_watch_goes_on_where_it_was_after_reads_that_failed() {
    let (store, timeline, mut watch) = start();
    send(&timeline).await;
    assert_eq!(next(&mut watch).await, [1]);
    send(&timeline).await;
    store.failures.store(12, Ordering::Relaxed);
    let mut pauses = Vec::new();
    for _ in 0..12 {
        let begin = Instant::now();
        let error = watch.next().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        pauses.push(begin.elapsed());
        send(&timeline).await;
    }
    assert_eq!(pauses[0], Duration::ZERO, "the first read comes at once");
    assert!(pauses[1] >= Duration::from_millis(50) && pauses[1] <= Duration::from_millis(101), "{pauses:?}");
    let longest = Duration::from_millis(2_500)..=Duration::from_millis(5_001);
    assert!(pauses[8..].iter().all(|pause| longest.contains(pause)), "{pauses:?}");
    assert_eq!(next(&mut watch).await, (2..=14).collect::<Vec<_>>());

    // The pause is short again after a read that was good.
    send(&timeline).await;
    store.failures.store(1, Ordering::Relaxed);
    watch.next().await.unwrap_err();
    let begin = Instant::now();
    assert_eq!(next(&mut watch).await, [15]);
    assert!(begin.elapsed() <= Duration::from_millis(101));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_store_cuts_a_pause_short() {
    let (store, timeline, mut watch) = start();
    store.failures.store(20, Ordering::Relaxed);
    for _ in 0..10 {
        watch.next().await.unwrap_err();
    }
    assert!(waits(&mut watch));
    let reads = store.reads.load(Ordering::Relaxed);
    send(&timeline).await;
    assert!(waits(&mut watch), "a change does not");
    assert_eq!(store.reads.load(Ordering::Relaxed), reads);
    let begin = Instant::now();
    assert!(timeline.shutdown(Duration::ZERO).await);
    assert_eq!(watch.next().await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn a_watch_is_a_stream_that_ends_after_it_said_so() {
    let (_store, timeline, mut watch) = start();
    send(&timeline).await;
    let page = StreamExt::next(&mut watch).await.unwrap().unwrap();
    assert_eq!(page.entries.len(), 1);
    assert!(timeline.shutdown(Duration::ZERO).await);
    let ended = StreamExt::next(&mut watch).await.unwrap().unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::Closed);
    assert!(StreamExt::next(&mut watch).await.is_none());
    assert_eq!(watch.next().await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_watch_that_waits_reads_nothing() {
    let (store, timeline, mut watch) = start();
    for _ in 0..5 {
        assert!(waits(&mut watch));
    }
    assert_eq!(store.reads.load(Ordering::Relaxed), 1);
    send(&timeline).await;
    assert_eq!(next(&mut watch).await, [1]);
    for _ in 0..5 {
        assert!(waits(&mut watch));
    }
    assert_eq!(store.reads.load(Ordering::Relaxed), 2);
}

/// How many messages are written behind a hole, one in a millisecond.
const BEHIND: u32 = 1_000;

/// How often a reader may read meanwhile: each 25 ms, and a few times at the beginning. A sleep of
/// 1 ms may take two.
const READS_MAX: u32 = 100;

/// Writes behind the hole, and then closes it.
async fn write_behind(store: &Failing, timeline: &Timeline) {
    for _ in 0..BEHIND {
        send(timeline).await;
        sleep(Duration::from_millis(1)).await;
    }
    store.has_hole.store(false, Ordering::Relaxed);
    send(timeline).await;
}

#[tokio::test(start_paused = true)]
async fn a_watch_at_a_hole_reads_now_and_then_however_much_is_written_behind_it() {
    let (store, timeline, mut watch) = start();
    store.has_hole.store(true, Ordering::Relaxed);
    let begin = Instant::now();
    let (entries, ()) = tokio::join!(next(&mut watch), write_behind(&store, &timeline));
    assert_eq!(entries.first(), Some(&1));
    let reads = store.reads.load(Ordering::Relaxed);
    assert!(reads <= READS_MAX, "it has read {reads} times");
    let late = begin.elapsed().saturating_sub(Duration::from_millis(BEHIND.into()));
    assert!(late <= Duration::from_millis(u64::from(BEHIND) + 30), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_at_a_hole_finds_what_nobody_told_it_of() {
    let (store, timeline, mut watch) = start();
    store.has_hole.store(true, Ordering::Relaxed);
    send(&timeline).await;
    let closes = async {
        sleep(Duration::from_secs(60)).await;
        store.has_hole.store(false, Ordering::Relaxed);
    };
    let begin = Instant::now();
    let (entries, ()) = tokio::join!(next(&mut watch), closes);
    assert_eq!(entries, [1]);
    assert!(begin.elapsed() <= Duration::from_secs(66), "{:?}", begin.elapsed());
    let reads = store.reads.load(Ordering::Relaxed);
    assert!(reads <= 60 / 2 + 2, "it has read {reads} times");
    // At the end of the inbox it looks at nothing by itself.
    let more = timeout(Duration::from_secs(60), next(&mut watch)).await;
    assert!(more.is_err() && store.reads.load(Ordering::Relaxed) == reads);
}

#[tokio::test(start_paused = true)]
async fn a_sync_at_a_hole_reads_now_and_then_however_much_is_written_behind_it() {
    let (store, timeline, _watch) = start();
    store.has_hole.store(true, Ordering::Relaxed);
    send(&timeline).await;
    let bob = member("b");
    let (page, ()) =
        tokio::join!(timeline.sync(&bob, Seq::ZERO, Count::default()), write_behind(&store, &timeline));
    assert_eq!(page.unwrap().entries.first().map(|entry| entry.sequence.get()), Some(1));
    let reads = store.reads.load(Ordering::Relaxed);
    assert!(reads <= READS_MAX, "it has read {reads} times");
}

#[tokio::test(start_paused = true)]
async fn a_hole_that_is_closed_in_a_moment_costs_a_watch_hardly_any_time() {
    let (store, timeline, mut watch) = start();
    store.has_hole.store(true, Ordering::Relaxed);
    send(&timeline).await;
    assert!(waits(&mut watch));
    store.has_hole.store(false, Ordering::Relaxed);
    send(&timeline).await;
    let begin = Instant::now();
    assert_eq!(next(&mut watch).await, [1, 2]);
    assert!(begin.elapsed() <= Duration::from_millis(5), "{:?}", begin.elapsed());
}
