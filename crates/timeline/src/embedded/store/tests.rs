//! How the store behaves when its disk, its files or its threads fail.

mod acks;
mod ahead;
mod changes;
mod erasing;

use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use super::*;
use crate::{Entry, Message, NewMessage, Observer, Timeline};

/// A time that only a hang reaches.
const GRACE: Duration = Duration::from_secs(60);

/// Commits unless told to fail, as a full or broken disk does.
fn failing(broken: Arc<AtomicBool>) -> Commit {
    Box::new(move |batch| {
        if broken.load(Ordering::SeqCst) {
            return Err(fjall::Error::Io(std::io::ErrorKind::StorageFull.into()));
        }
        batch.durability(Some(PersistMode::SyncData)).commit()
    })
}

#[derive(Default)]
struct Heard(Mutex<Vec<u64>>);

impl Observer for Heard {
    fn appended(&self, _member: &str, entry: &Entry) {
        self.0.lock().unwrap().push(entry.sequence.get());
    }
}

async fn send(timeline: &Timeline, number: usize) -> Result<u64> {
    let from = MemberId::new("a").unwrap();
    let message = Message::new(format!("{{\"n\":{number}}}")).unwrap();
    let sent = timeline.send(NewMessage::new(from.clone(), from, message)).await?;
    Ok(sent.sequence.get())
}

/// Waits until the store is as wished.
async fn until(timeline: &Timeline, wished: impl FnMut(&State) -> bool) -> State {
    let mut state = timeline.state();
    let found = timeout(Duration::from_secs(60), state.wait_for(wished)).await;
    found.expect("within a minute").unwrap().clone()
}

#[test]
fn a_start_outside_a_runtime_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let mut start = pin!(EmbeddedStore::start(Config::new(directory.path())));
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(Err(error)) = start.as_mut().poll(&mut context) else {
        panic!("it does not fail at once")
    };
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[tokio::test]
async fn a_failed_commit_leaves_nothing_and_the_store_goes_on_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let (broken, heard) = (Arc::new(AtomicBool::new(false)), Arc::new(Heard::default()));
    let config = Config::new(directory.path());
    let commit = failing(Arc::clone(&broken));
    let store = EmbeddedStore::start_with(config.clone().observer(Arc::clone(&heard)), commit).await.unwrap();
    let timeline = Timeline::start(crate::Config::default(), store).unwrap();
    assert_eq!(send(&timeline, 1).await.unwrap(), 1);
    // In the way of the file that it tries, so that it is not opened again before we look.
    let probe = directory.path().join("probe");
    std::fs::create_dir(&probe).unwrap();
    broken.store(true, Ordering::SeqCst);
    let (second, third) = tokio::join!(send(&timeline, 2), send(&timeline, 3));
    let errors = [second.unwrap_err(), third.unwrap_err()];
    assert!(errors.iter().all(|error| error.kind() == ErrorKind::Unavailable), "{errors:?}");
    assert!(errors[0].to_string().contains("no storage space"), "{}", errors[0]);
    until(&timeline, |state| matches!(state, State::ReadOnly { .. })).await;
    let member = MemberId::new("a").unwrap();
    let inbox = timeline.sync(&member, Seq::ZERO, Count::default()).await.unwrap();
    assert_eq!((inbox.latest_seq.get(), inbox.entries.len()), (1, 1), "reads go on");
    broken.store(false, Ordering::SeqCst);
    std::fs::remove_dir(probe).unwrap();
    until(&timeline, State::is_well).await;
    assert_eq!(send(&timeline, 4).await.unwrap(), 2, "no sequence was skipped");
    assert_eq!(timeline.received(&member, Seq::ZERO.next()).await.unwrap().get(), 1);
    assert!(timeline.shutdown(GRACE).await);
    assert!(matches!(&*timeline.state().borrow(), State::Down { .. }));

    let store = EmbeddedStore::start(config).await.unwrap();
    let timeline = Timeline::start(crate::Config::default(), store).unwrap();
    assert_eq!(send(&timeline, 5).await.unwrap(), 3);
}

#[tokio::test]
async fn a_shutdown_leaves_little_that_the_next_opening_reads_from_journals() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::new(directory.path());
    let store = EmbeddedStore::start(config.clone()).await.unwrap();
    let shared = Arc::clone(&store.shared);
    let timeline = Timeline::start(crate::Config::default(), store).unwrap();
    let (member, text) = (MemberId::new("a").unwrap(), format!("{{\"text\":\"{}\"}}", "x".repeat(60_000)));
    for _ in 0..200 {
        let message = Message::new(text.as_str()).unwrap();
        timeline.send(NewMessage::new(member.clone(), member.clone(), message)).await.unwrap();
    }
    let in_memory = shared.tables().unwrap().database.write_buffer_size();
    assert!(in_memory > 10_000_000, "{in_memory} bytes wait in memory");
    drop(shared);
    assert!(timeline.shutdown(GRACE).await);

    let opened = blocking(move || opening::open(&config, &Arc::new(Directory::lock(&config.directory)?)));
    let tables = opened.await.unwrap().tables;
    let read = tables.database.write_buffer_size();
    assert!(read < 100_000, "{read} bytes were read from journals");
    let inbox = tables.inbox(&member, Position::default(), PageRequest::default()).unwrap();
    assert_eq!(inbox.latest_seq.get(), 200, "all of it is in tables");
}

#[tokio::test]
async fn a_write_that_does_not_come_back_asks_for_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (go, wait) = std_mpsc::channel::<()>();
    let commit: Commit = Box::new(move |batch| {
        // Until the test lets go of it.
        wait.recv().ok();
        batch.durability(Some(PersistMode::SyncData)).commit()
    });
    let store = EmbeddedStore::start_with(Config::new(directory.path()), commit).await.unwrap();
    let timeline = Timeline::start(crate::Config::default(), store).unwrap();
    let sent = send(&timeline, 1);
    tokio::pin!(sent);
    let lost = until(&timeline, |state| matches!(state, State::Lost { .. }));
    let state = tokio::select! {
        sent = &mut sent => panic!("{sent:?}"),
        state = lost => state,
    };
    assert!(state.to_string().contains("has not come back"), "{state}");
    drop(go);
    assert_eq!(sent.await.unwrap(), 1);
    until(&timeline, State::is_well).await;
}

#[tokio::test]
async fn a_flipped_bit_in_a_table_is_named_by_the_read_the_state_and_a_deep_check() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::new(directory.path());
    let store = EmbeddedStore::start(config.clone()).await.unwrap();
    let shared = Arc::clone(&store.shared);
    let timeline = Timeline::start(crate::Config::default(), store).unwrap();
    for number in 1..=50 {
        send(&timeline, number).await.unwrap();
    }
    let entries = shared.tables().unwrap().entries.clone();
    blocking(move || entries.rotate_memtable_and_wait().map_err(crate::embedded::tables::read_error))
        .await
        .unwrap();
    let folder = directory.path().join("store/keyspaces/1/tables");
    let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (table, text) = (files.next().unwrap(), b"{\"n\":25}");
    let mut bytes = std::fs::read(&table).unwrap();
    let at = bytes.windows(text.len()).position(|window| window == text).unwrap();
    bytes[at + 5] ^= 1;
    std::fs::write(&table, &bytes).unwrap();

    let member = MemberId::new("a").unwrap();
    let names = |text: &str| text.contains(table.to_str().unwrap()) && text.contains("tidings salvage");
    let asked = std::time::Instant::now();
    let error = timeline.sync(&member, Seq::ZERO, Count::default()).await.unwrap_err();
    // The first read waits for the name for two seconds, which a busy machine may need.
    let waited = asked.elapsed() >= Duration::from_secs(2);
    assert!(error.kind() == ErrorKind::Corrupt && (waited || names(&error.to_string())), "{error}");
    assert!(!error.to_string().contains("Error"), "in words, not in those of a debugger: {error}");
    until(&timeline, |state| matches!(state, State::ReadOnly { .. }) && names(&state.to_string())).await;
    let error = timeline.sync(&member, Seq::ZERO, Count::default()).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Corrupt && names(&error.to_string()), "{error}");
    let error = send(&timeline, 51).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Unavailable && names(&error.to_string()), "{error}");
    assert!(timeline.shutdown(GRACE).await);
    drop(shared);
    // The table is so small that what opening reads of it lies in the damaged block, too.
    for check in [super::super::check, super::super::check_deep] {
        let error = check(directory.path()).unwrap_err();
        assert!(error.kind() == ErrorKind::Corrupt && names(&error.to_string()), "{error}");
    }
    bytes[at + 5] ^= 1;
    std::fs::write(&table, &bytes).unwrap();
    super::super::check_deep(directory.path()).unwrap();
}

#[tokio::test]
async fn a_committer_that_panics_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let panics = Arc::new(AtomicBool::new(true));
    let told = Arc::clone(&panics);
    let commit: Commit = Box::new(move |batch| {
        assert!(!told.load(Ordering::SeqCst), "the test wants it");
        batch.durability(Some(PersistMode::SyncData)).commit()
    });
    let store = EmbeddedStore::start_with(Config::new(directory.path()), commit).await.unwrap();
    let timeline = Timeline::start(crate::Config::default(), store).unwrap();
    for number in 0..2 {
        assert_eq!(send(&timeline, number).await.unwrap_err().kind(), ErrorKind::Unavailable);
    }
    panics.store(false, Ordering::SeqCst);
    until(&timeline, State::is_well).await;
    let mut sent = send(&timeline, 2).await;
    if sent.is_err() {
        // The store noted the last panic after its sender had heard of it.
        until(&timeline, State::is_well).await;
        sent = send(&timeline, 2).await;
    }
    assert_eq!(sent.unwrap(), 1);
    assert!(timeline.shutdown(GRACE).await);
    assert_eq!(send(&timeline, 3).await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_panic_while_the_store_is_opened_again_is_told_and_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    let broken = Arc::new(AtomicBool::new(false));
    let commit = failing(Arc::clone(&broken));
    let store = EmbeddedStore::start_with(Config::new(directory.path()), commit).await.unwrap();
    let timeline = Timeline::start(crate::Config::default(), store).unwrap();
    assert_eq!(send(&timeline, 1).await.unwrap(), 1);
    let told = directory.path().join("panic-mend");
    std::fs::write(&told, "").unwrap();
    broken.store(true, Ordering::SeqCst);
    send(&timeline, 2).await.unwrap_err();
    broken.store(false, Ordering::SeqCst);
    let state = until(&timeline, |state| state.to_string().contains("panicked")).await;
    assert!(matches!(state, State::Down { .. } | State::ReadOnly { .. }), "{state}");
    assert_eq!(send(&timeline, 3).await.unwrap_err().kind(), ErrorKind::Unavailable);
    std::fs::remove_file(told).unwrap();
    until(&timeline, State::is_well).await;
    assert_eq!(send(&timeline, 4).await.unwrap(), 2);
    assert!(timeline.shutdown(GRACE).await);
}

#[tokio::test]
async fn a_thread_that_panics_is_told_by_the_state_and_every_call() {
    for thread in ["commit", "keep"] {
        let directory = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::start(Config::new(directory.path())).await.unwrap();
        let timeline = Timeline::start(crate::Config::default(), store).unwrap();
        assert_eq!(send(&timeline, 1).await.unwrap(), 1);
        std::fs::write(directory.path().join(format!("panic-{thread}")), "").unwrap();
        // The committing thread looks when it is woken, and is in the middle of this send.
        let sent = timeout(GRACE, send(&timeline, 2)).await.expect("an answer");
        if thread == "commit" {
            assert_eq!(sent.unwrap_err().kind(), ErrorKind::Unavailable);
        }
        let state = until(&timeline, |state| matches!(state, State::Lost { .. })).await;
        let reason = format!("its thread timeline-{thread} panicked");
        assert!(state.to_string().contains(&reason), "{state}");
        let error = timeout(GRACE, send(&timeline, 3)).await.expect("an answer").unwrap_err();
        assert!(error.kind() == ErrorKind::Unavailable && error.to_string().contains(&reason), "{error}");
        let member = MemberId::new("a").unwrap();
        let error = timeline.sync(&member, Seq::ZERO, Count::default()).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Unavailable && error.to_string().contains(&reason), "{error}");
        let whole = thread != "commit";
        assert_eq!(timeline.shutdown(GRACE).await, whole, "the end of {thread}");
        std::fs::remove_file(directory.path().join(format!("panic-{thread}"))).unwrap();
        let store = EmbeddedStore::start(Config::new(directory.path())).await.unwrap();
        let inbox = store.inbox(&member, Seq::ZERO.into(), Count::default()).await.unwrap();
        assert!(inbox.latest_seq.get() >= 1, "what was acknowledged is there");
    }
}

#[tokio::test]
async fn an_engine_that_takes_no_batches_is_noticed_where_nobody_sends() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::start(Config::new(directory.path())).await.unwrap();
    let shared = Arc::clone(&store.shared);
    let timeline = Timeline::start(crate::Config::default(), store).unwrap();
    assert_eq!(send(&timeline, 1).await.unwrap(), 1);
    // Where its tables go, so that it cannot make one.
    let (tables, aside) = (directory.path().join("store/keyspaces/1/tables"), directory.path().join("aside"));
    std::fs::rename(&tables, &aside).unwrap();
    std::fs::write(&tables, "").unwrap();
    let entries = shared.tables().unwrap().entries.clone();
    assert!(entries.rotate_memtable().unwrap());
    drop((entries, shared));
    let begun = std::time::Instant::now();
    let state = until(&timeline, |state| !state.is_well()).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{state} after {:?}", begun.elapsed());
    std::fs::remove_file(&tables).unwrap();
    std::fs::rename(&aside, &tables).unwrap();
    until(&timeline, State::is_well).await;
    assert_eq!(send(&timeline, 2).await.unwrap(), 2);
    assert!(timeline.shutdown(GRACE).await);
}

#[tokio::test]
async fn a_store_whose_files_went_away_is_down_with_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    let broken = Arc::new(AtomicBool::new(false));
    let commit = failing(Arc::clone(&broken));
    let store = EmbeddedStore::start_with(Config::new(directory.path()), commit).await.unwrap();
    let timeline = Timeline::start(crate::Config::default(), store).unwrap();
    assert_eq!(send(&timeline, 1).await.unwrap(), 1);
    broken.store(true, Ordering::SeqCst);
    std::fs::rename(directory.path().join("store"), directory.path().join("elsewhere")).unwrap();
    send(&timeline, 2).await.unwrap_err();
    broken.store(false, Ordering::SeqCst);
    // A write that takes long is told as well.
    let missing = |state: &State| state.to_string().contains("store is missing");
    until(&timeline, |state| matches!(state, State::Down { .. }) && missing(state)).await;
    let member = MemberId::new("a").unwrap();
    let error = timeline.sync(&member, Seq::ZERO, Count::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(send(&timeline, 3).await.unwrap_err().kind(), ErrorKind::Unavailable);
    std::fs::rename(directory.path().join("elsewhere"), directory.path().join("store")).unwrap();
    until(&timeline, State::is_well).await;
    assert_eq!(send(&timeline, 4).await.unwrap(), 2);
}

#[tokio::test]
async fn files_that_are_removed_while_they_are_open_are_noticed_where_nobody_sends() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::start(Config::new(directory.path())).await.unwrap();
    let timeline = Timeline::start(crate::Config::default(), store).unwrap();
    assert_eq!(send(&timeline, 1).await.unwrap(), 1);
    for part in ["store", "store/keyspaces/2"] {
        let (place, aside) = (directory.path().join(part), directory.path().join("aside"));
        std::fs::rename(&place, &aside).unwrap();
        let missing = |state: &State| state.to_string().contains("is missing");
        until(&timeline, |state| matches!(state, State::Down { .. }) && missing(state)).await;
        assert_eq!(send(&timeline, 2).await.unwrap_err().kind(), ErrorKind::Unavailable);
        std::fs::rename(&aside, &place).unwrap();
        until(&timeline, State::is_well).await;
    }
    assert_eq!(send(&timeline, 2).await.unwrap(), 2, "in the place that it would have had");
    assert!(timeline.shutdown(GRACE).await);
}

#[tokio::test]
async fn sends_that_wait_are_written_before_shutdown_returns() {
    let directory = tempfile::tempdir().unwrap();
    // Small, so that senders also wait for room.
    let config = Config::new(directory.path()).queue(4).batch_bytes(64 * 1024);
    let store = EmbeddedStore::start(config.clone()).await.unwrap();
    let timeline = Timeline::start(crate::Config::default(), store).unwrap();
    let mut senders = tokio::task::JoinSet::new();
    for number in 0..50 {
        let timeline = timeline.clone();
        senders.spawn(async move { send(&timeline, number).await });
    }
    tokio::task::yield_now().await;
    assert!(timeline.shutdown(GRACE).await);
    let mut acknowledged = 0;
    while let Some(result) = senders.join_next().await {
        match result.unwrap() {
            Ok(_) => acknowledged += 1,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Closed),
        }
    }
    let store = EmbeddedStore::start(config).await.unwrap();
    let inbox = store.inbox(&MemberId::new("a").unwrap(), Seq::ZERO.into(), Count::default()).await.unwrap();
    assert_eq!(inbox.latest_seq.get(), acknowledged);
}

#[tokio::test]
async fn an_error_of_the_last_flush_makes_the_result_false() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::start(Config::new(directory.path())).await.unwrap();
    std::fs::remove_file(directory.path().join("marker")).unwrap();
    assert!(!store.shutdown(GRACE).await);
    assert!(!store.shutdown(GRACE).await, "a second one waits for the same end");
}

#[tokio::test]
async fn a_shutdown_during_a_write_that_hangs_ends_the_store_once_it_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let (go, wait) = std_mpsc::channel::<()>();
    let (begin, mut begun) = mpsc::channel(1);
    let commit: Commit = Box::new(move |batch| {
        begin.blocking_send(()).unwrap();
        // Until the test lets go of it.
        wait.recv().ok();
        batch.durability(Some(PersistMode::SyncData)).commit()
    });
    let store =
        Arc::new(EmbeddedStore::start_with(Config::new(directory.path()).queue(1), commit).await.unwrap());
    let timeline = Timeline::start(crate::Config::default(), Arc::clone(&store)).unwrap();
    let mut senders = tokio::task::JoinSet::new();
    let sender = timeline.clone();
    senders.spawn(async move { send(&sender, 1).await });
    begun.recv().await.unwrap();
    // So the queue has no room for the word that the store is to end.
    store.commands.try_send(Command::Wake).unwrap();
    assert!(!timeline.shutdown(Duration::from_millis(1)).await);
    assert!(store.shared.running.lock().contains(&"timeline-commit"), "the log names it");
    assert_eq!(send(&timeline, 2).await.unwrap_err().kind(), ErrorKind::Closed);
    drop(go);
    let sent = senders.join_next().await.unwrap().unwrap();
    assert_eq!(sent.unwrap(), 1, "what was accepted is finished");
    assert!(timeline.shutdown(GRACE).await);
    assert!(store.shared.running.lock().is_empty());
}
