//! What becomes of what was acknowledged, and who hears of it.

use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use fjall::Readable as _;

use super::super::super::removals::PUT_OFF;
use super::*;

fn member() -> MemberId {
    MemberId::new("a").unwrap()
}

fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

/// How many keys the inbox has up to `floor`.
fn keys_below(store: &EmbeddedStore, floor: u64) -> usize {
    let (tables, prefix) = (store.shared.tables().unwrap(), keys::inbox(&member()));
    let range = keys::entry(&prefix, Seq::ZERO)..=keys::entry(&prefix, seq(floor));
    tables.snapshot().range(&tables.entries, range).count()
}

/// Waits until nothing is left below the floor, and reads meanwhile.
async fn removed(store: &EmbeddedStore, floor: u64) {
    let wait = async {
        while keys_below(store, floor) > 0 {
            // Between two calls there is a batch of removals at most, so this is no busy wait.
            store.received(&member(), Seq::ZERO).await.unwrap();
            read(store, floor).await;
        }
    };
    timeout(GRACE, wait).await.expect("within a minute");
}

/// Reads from the beginning, and checks that the page begins above the floor.
async fn read(store: &EmbeddedStore, floor: u64) -> InboxPage {
    let page = store.inbox(&member(), Seq::ZERO.into(), Count::new(1_000)).await.unwrap();
    assert_eq!((page.floor.get(), page.reset), (floor, false));
    let sequences = page.entries.iter().map(|entry| entry.sequence.get());
    assert!(sequences.eq(floor + 1..=page.latest_seq.get()), "{page:?}");
    page
}

#[tokio::test]
async fn what_was_acknowledged_is_removed_while_nobody_waits_and_histories_stay() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(EmbeddedStore::start(Config::new(directory.path())).await.unwrap());
    let timeline = Timeline::start(crate::Config::default(), Arc::clone(&store)).unwrap();
    for number in 1..=50 {
        send(&timeline, number).await.unwrap();
    }
    assert_eq!(store.ack(&member(), seq(45)).await.unwrap(), seq(45));
    removed(&store, 45).await;
    assert_eq!(store.ack(&member(), seq(9)).await.unwrap(), seq(45), "it never falls");
    assert_eq!(read(&store, 45).await.entries.len(), 5);
    assert_eq!(store.ack(&member(), seq(51)).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(store.ack(&member(), seq(50)).await.unwrap(), seq(50));
    removed(&store, 50).await;
    assert_eq!(send(&timeline, 51).await.unwrap(), 51, "it goes on counting");
    assert_eq!(read(&store, 50).await.entries.len(), 1);
    let conversation = Conversation::single(member(), member());
    let page = PageRequest::after(Seq::ZERO, Count::new(1_000));
    assert_eq!(store.history(&conversation, page).await.unwrap().entries.len(), 51);
    assert!(timeline.shutdown(GRACE).await);
    drop((timeline, store));
    super::super::super::check_deep(directory.path()).unwrap();
}

#[tokio::test]
async fn a_removal_that_fails_is_done_once_the_store_is_open_again() {
    let directory = tempfile::tempdir().unwrap();
    // So many commits are made, the next one fails.
    let allowed = Arc::new(AtomicUsize::new(21));
    let left = Arc::clone(&allowed);
    let commit: Commit = Box::new(move |batch| {
        // One thread commits, so nobody else takes one in between.
        if left.load(Ordering::SeqCst) == 0 {
            return Err(fjall::Error::Io(std::io::ErrorKind::StorageFull.into()));
        }
        left.fetch_sub(1, Ordering::SeqCst);
        batch.durability(Some(PersistMode::SyncData)).commit()
    });
    let config = Config::new(directory.path());
    let store = Arc::new(EmbeddedStore::start_with(config, commit).await.unwrap());
    let timeline = Timeline::start(crate::Config::default(), Arc::clone(&store)).unwrap();
    for number in 1..=20 {
        send(&timeline, number).await.unwrap();
    }
    // In the way of the file that it tries, so that it is not opened again before we look.
    let probe = directory.path().join("probe");
    std::fs::create_dir(&probe).unwrap();
    assert_eq!(store.ack(&member(), seq(15)).await.unwrap(), seq(15));
    until(&timeline, |state| matches!(state, State::ReadOnly { .. })).await;
    assert_eq!(keys_below(&store, 15), 15, "the first batch of removals has failed");
    assert_eq!(read(&store, 15).await.entries.len(), 5, "nobody sees what is left");
    assert_eq!(store.ack(&member(), seq(16)).await.unwrap_err().kind(), ErrorKind::Unavailable);
    allowed.store(1_000, Ordering::SeqCst);
    std::fs::remove_dir(probe).unwrap();
    until(&timeline, State::is_well).await;
    removed(&store, 15).await;
    assert_eq!(send(&timeline, 21).await.unwrap(), 21);
}

#[tokio::test]
async fn a_removal_that_always_fails_takes_the_store_away_now_and_then_only() {
    let directory = tempfile::tempdir().unwrap();
    let failed = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&failed);
    let commit: Commit = Box::new(move |batch| {
        // Seven keys, the record of what is left, and the number in four keyspaces: no batch of a
        // send or an ack has as many records.
        if batch.len() > 10 {
            noted.lock().unwrap().push(Instant::now());
            return Err(fjall::Error::Io(std::io::ErrorKind::StorageFull.into()));
        }
        batch.durability(Some(PersistMode::SyncData)).commit()
    });
    let store = EmbeddedStore::start_with(Config::new(directory.path()), commit).await.unwrap();
    let store = Arc::new(store);
    let timeline = Timeline::start(crate::Config::default(), Arc::clone(&store)).unwrap();
    for number in 1..=20 {
        send(&timeline, number).await.unwrap();
    }
    assert_eq!(store.ack(&member(), seq(15)).await.unwrap(), seq(15));
    let twice = async {
        while failed.lock().unwrap().len() < 2 {
            // It wakes the thread, and is refused until the store is open again.
            store.received(&member(), Seq::ZERO).await.ok();
        }
    };
    timeout(GRACE, twice).await.expect("within a minute");
    let failed = failed.lock().unwrap();
    assert!(failed[1].duration_since(failed[0]) >= PUT_OFF, "{failed:?}");
}

#[tokio::test]
async fn a_watcher_hears_of_entries_of_acks_and_of_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(EmbeddedStore::start(Config::new(directory.path())).await.unwrap());
    let timeline = Timeline::start(crate::Config::default(), Arc::clone(&store)).unwrap();
    let mut changes = store.inbox_changes(&member());
    send(&timeline, 1).await.unwrap();
    timeout(GRACE, changes.changed()).await.expect("of the entry").unwrap();
    store.ack(&member(), seq(1)).await.unwrap();
    timeout(GRACE, changes.changed()).await.expect("of the ack").unwrap();
    assert_eq!(read(&store, 1).await.latest_seq, seq(1));
    assert!(timeline.shutdown(GRACE).await);
    let end = timeout(GRACE, changes.changed()).await.expect("of the end");
    assert_eq!(end.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_watcher_hears_of_a_batch_that_was_written_although_its_commit_failed() {
    let directory = tempfile::tempdir().unwrap();
    let fails = Arc::new(AtomicBool::new(true));
    let once = Arc::clone(&fails);
    let commit: Commit = Box::new(move |batch| {
        batch.durability(Some(PersistMode::SyncData)).commit()?;
        // As a disk that loses the answer to a flush.
        if once.swap(false, Ordering::SeqCst) {
            return Err(fjall::Error::Io(std::io::ErrorKind::TimedOut.into()));
        }
        Ok(())
    });
    let store = EmbeddedStore::start_with(Config::new(directory.path()), commit).await.unwrap();
    let store = Arc::new(store);
    let timeline = Timeline::start(crate::Config::default(), Arc::clone(&store)).unwrap();
    let mut changes = store.inbox_changes(&member());
    assert_eq!(send(&timeline, 1).await.unwrap_err().kind(), ErrorKind::Unavailable);
    timeout(GRACE, changes.changed()).await.expect("once the store is open again").unwrap();
    assert_eq!(read(&store, 0).await.entries.len(), 1);
}

#[tokio::test]
async fn a_watcher_hears_that_the_store_has_lost_a_thread() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(EmbeddedStore::start(Config::new(directory.path())).await.unwrap());
    let timeline = Timeline::start(crate::Config::default(), Arc::clone(&store)).unwrap();
    let mut changes = store.inbox_changes(&member());
    std::fs::write(directory.path().join("panic-keep"), "").unwrap();
    until(&timeline, |state| matches!(state, State::Lost { .. })).await;
    let end = timeout(GRACE, changes.changed()).await.expect("of the end").unwrap_err();
    assert_eq!(end.kind(), ErrorKind::Closed);
    assert!(!end.to_string().contains("shut down"), "nobody did that: {end}");
}
