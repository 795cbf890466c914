//! An inbox that is freed while it is read, written to, closed, looked through and salvaged.

use std::path::Path;
use std::time::Duration;

use timeline::embedded::{self, EmbeddedStore, check_deep, salvage};
use timeline::{
    Config, Conversation, Count, Entry, ErrorKind, InboxPage, MemberId, Message, NewMessage, PageRequest,
    Position, Seq, Tag, Timeline,
};

/// A time that only a hang reaches.
const GRACE: Duration = Duration::from_secs(60);

async fn open(directory: &Path) -> Timeline {
    let store = EmbeddedStore::start(embedded::Config::new(directory)).await.unwrap();
    Timeline::start(Config::default(), store).unwrap()
}

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

/// Sends so many messages of a to b.
async fn send(timeline: &Timeline, count: u64) {
    for number in 1..=count {
        let message = Message::new(format!("{{\"n\":{number}}}")).unwrap();
        timeline.send(NewMessage::new(member("a"), member("b"), message)).await.unwrap();
    }
}

fn at(entry: &Entry) -> Position {
    Position::new(entry.sequence, entry.tag)
}

/// Reads what comes after a position, and checks that it begins there, or at the floor behind it.
async fn read(timeline: &Timeline, position: Position) -> InboxPage {
    let page = timeline.sync(&member("b"), position, Count::new(1_000)).await.unwrap();
    assert!(!page.reset, "{position:?}: {page:?}");
    let before = position.sequence.max(page.floor).get();
    let sequences = page.entries.iter().map(|entry| entry.sequence.get());
    assert!(sequences.eq(before + 1..=before + page.entries.len() as u64), "{position:?}: {page:?}");
    page
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_among_acks_sees_each_entry_above_the_floor_once_and_in_order() {
    const SENDS: u64 = 600;
    let directory = tempfile::tempdir().unwrap();
    let timeline = open(directory.path()).await;
    let sender = timeline.clone();
    let sending = async move { send(&sender, SENDS).await };
    let acker = timeline.clone();
    let acking = async move {
        let mut floor = Seq::ZERO;
        while floor < seq(SENDS) {
            let latest = read(&acker, floor.into()).await.latest_seq;
            // Not always to the end, so that what is freed begins in the middle of a page.
            let sequence = seq(latest.get() - latest.get() % 3);
            assert!(acker.ack(&member("b"), sequence).await.unwrap() >= sequence);
            floor = sequence;
            tokio::task::yield_now().await;
        }
    };
    let reader = timeline.clone();
    let reading = async move {
        let (mut position, mut floor) = (Position::default(), Seq::ZERO);
        while position.sequence < seq(SENDS) {
            let page = read(&reader, position).await;
            assert!(page.floor >= floor, "{} after {floor}", page.floor);
            floor = page.floor;
            match page.entries.last() {
                Some(newest) => position = at(newest),
                None => position = position.sequence.max(floor).into(),
            }
            tokio::task::yield_now().await;
        }
    };
    let all = async { tokio::join!(sending, acking, reading) };
    tokio::time::timeout(GRACE, all).await.expect("within a minute");
    assert_eq!(read(&timeline, Position::default()).await.floor, seq(SENDS));
}

#[tokio::test]
async fn a_position_whose_entry_was_freed_goes_on_and_a_wrong_one_is_reset() {
    let directory = tempfile::tempdir().unwrap();
    let timeline = open(directory.path()).await;
    send(&timeline, 30).await;
    let entries = read(&timeline, Position::default()).await.entries;
    timeline.ack(&member("b"), seq(20)).await.unwrap();
    for freed in [0, 9, 18, 19] {
        let page = read(&timeline, at(&entries[freed])).await;
        assert_eq!((page.floor, page.entries[0].sequence, page.entries.len()), (seq(20), seq(21), 10));
    }
    assert_eq!(read(&timeline, at(&entries[24])).await.entries.len(), 5);
    let wrong = Tag::new(entries[24].tag.unwrap().get() ^ 1);
    // Of an entry that is gone nobody can tell any more.
    assert_eq!(read(&timeline, Position::new(seq(20), Some(wrong))).await.entries.len(), 10);
    for position in [Position::new(seq(25), Some(wrong)), Position::new(seq(31), None)] {
        let page = timeline.sync(&member("b"), position, Count::default()).await.unwrap();
        assert!(page.reset && page.entries.is_empty(), "{page:?}");
        assert_eq!(page.floor, seq(20), "it starts over from there");
    }
}

#[tokio::test]
async fn a_deep_check_after_acks_finds_a_whole_store_whose_floors_are_there() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let timeline = open(directory.path()).await;
        assert_eq!(read(&timeline, Position::default()).await.floor, seq(40 * round));
        assert_eq!(timeline.ack(&member("b"), Seq::ZERO).await.unwrap(), seq(40 * round));
        send(&timeline, 40).await;
        // To the end, and closed at once, whatever is removed by then.
        let end = seq(40 * (round + 1));
        assert_eq!(timeline.ack(&member("b"), end).await.unwrap(), end);
        assert!(timeline.shutdown(GRACE).await);
        assert_eq!(timeline.ack(&member("b"), end).await.unwrap_err().kind(), ErrorKind::Closed);
        check_deep(directory.path()).unwrap();
    }
}

#[tokio::test]
async fn a_salvage_keeps_floors_and_calls_what_was_freed_no_loss() {
    let parent = tempfile::tempdir().unwrap();
    let (from, to) = (parent.path().join("from"), parent.path().join("to"));
    let timeline = open(&from).await;
    send(&timeline, 40).await;
    timeline.ack(&member("a"), seq(15)).await.unwrap();
    timeline.ack(&member("b"), seq(40)).await.unwrap();
    let last = timeline.sync(&member("a"), Seq::ZERO, Count::new(1_000)).await.unwrap();
    assert!(timeline.shutdown(GRACE).await);

    let report = salvage(&from, &to).unwrap();
    assert!(report.is_whole(), "{report:?}");
    // The history, and what is left of the inbox of a.
    assert_eq!((report.boxes, report.entries), (3, 40 + 25));
    let timeline = open(&to).await;
    let page = timeline.sync(&member("a"), Seq::ZERO, Count::new(1_000)).await.unwrap();
    assert_eq!((page.floor, page.entries), (seq(15), last.entries));
    let page = read(&timeline, Position::default()).await;
    assert_eq!((page.floor, page.latest_seq, page.entries.len()), (seq(40), seq(40), 0));
    send(&timeline, 1).await;
    assert_eq!(read(&timeline, Position::default()).await.entries[0].sequence, seq(41));
    let conversation = Conversation::single(member("a"), member("b"));
    let request = PageRequest::after(Seq::ZERO, Count::new(1_000));
    assert_eq!(timeline.history(&conversation, request).await.unwrap().entries.len(), 41);
}
