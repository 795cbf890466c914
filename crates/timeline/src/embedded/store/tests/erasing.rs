//! A text that was taken away leaves the files by itself.

use super::*;
use crate::embedded::records;
use crate::embedded::sample::{Sample, files_with};

const TEXT: &str = "taken-away";

fn note() -> Conversation {
    Conversation::single(MemberId::new("a").unwrap(), MemberId::new("a").unwrap())
}

/// Starts a store, sends a text and takes it back.
async fn start(config: Config, commit: Commit) -> (Timeline, Arc<Shared>) {
    let store = EmbeddedStore::start_with(config, commit).await.unwrap();
    let shared = Arc::clone(&store.shared);
    let timeline = Timeline::start(crate::Config::default(), store).unwrap();
    let (from, text) = (MemberId::new("a").unwrap(), Message::new(format!("{{\"t\":\"{TEXT}\"}}")).unwrap());
    let sent = timeline.send(NewMessage::new(from.clone(), from, text)).await.unwrap();
    timeline.recall(&note(), sent.place, None).await.unwrap();
    (timeline, shared)
}

fn well() -> Commit {
    failing(Arc::new(AtomicBool::new(false)))
}

/// Waits until the files were replaced.
async fn rewritten(shared: &Shared) {
    let mut rewrites = shared.rewrites.subscribe();
    timeout(GRACE, rewrites.wait_for(|rewrites| *rewrites > 0)).await.expect("within a minute").unwrap();
}

#[tokio::test]
async fn a_text_that_was_taken_back_leaves_the_files_in_time() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::new(directory.path()).erased_within(Duration::from_secs(60));
    let (timeline, shared) = start(config.clone(), well()).await;
    assert!(files_with(directory.path(), TEXT) > 0);
    // As if it had been taken back three quarters of that time ago.
    shared.erased(clock::unix_ms() - 45_000);
    rewritten(&shared).await;
    assert_eq!(files_with(directory.path(), TEXT), 0);
    assert!(timeline.shutdown(GRACE).await);
    drop(shared);
    let store = EmbeddedStore::start(config).await.unwrap();
    let page = store.history(&note(), PageRequest::default()).await.unwrap();
    assert_eq!(page.entries.len(), 2, "the places stay");
}

#[tokio::test]
async fn a_start_waits_for_what_is_left_of_the_time_and_no_longer() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::new(directory.path());
    let (timeline, shared) = start(config.clone(), well()).await;
    let first = shared.erased_since().unwrap();
    // Starts that each end soon, and a text that each of them takes back.
    assert!(timeline.shutdown(GRACE).await);
    drop(shared);
    for number in 1..=3 {
        let (timeline, shared) = start(config.clone(), well()).await;
        assert_eq!(shared.erased_since(), Some(first), "start {number}");
        assert_eq!(shared.tables().unwrap().erased_at().unwrap(), Some(first), "start {number}");
        assert_eq!(*shared.rewrites.borrow(), 0, "its time is not up");
        assert!(timeline.shutdown(GRACE).await);
    }
    assert!(files_with(directory.path(), TEXT) > 0);
    // As if the first one had been taken back three quarters of a day ago.
    let long_ago = clock::unix_ms() - 18 * 60 * 60 * 1_000;
    Sample::open(directory.path()).write(|batch, tables| tables.note_erased(batch, long_ago));
    let store = EmbeddedStore::start(config).await.unwrap();
    rewritten(&store.shared).await;
    assert_eq!(files_with(directory.path(), TEXT), 0);
    assert!(store.shutdown(GRACE).await);
}

#[tokio::test]
async fn a_note_of_a_time_that_is_still_to_come_puts_nothing_off() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::new(directory.path());
    let (timeline, shared) = start(config.clone(), well()).await;
    assert!(timeline.shutdown(GRACE).await);
    drop(shared);
    let tomorrow = clock::unix_ms() + 24 * 60 * 60 * 1_000;
    Sample::open(directory.path()).write(|batch, tables| {
        batch.insert(&tables.state, keys::ERASED, records::encode_number(tomorrow));
    });
    let store = EmbeddedStore::start(config).await.unwrap();
    rewritten(&store.shared).await;
    assert_eq!(files_with(directory.path(), TEXT), 0);
    assert!(store.shutdown(GRACE).await);
}

#[tokio::test]
async fn a_text_goes_after_the_end_of_an_export_that_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::start(Config::new(directory.path())).await.unwrap();
    let shared = Arc::clone(&store.shared);
    let timeline = Timeline::start(crate::Config::default(), store).unwrap();
    let (from, text) = (MemberId::new("a").unwrap(), Message::new(format!("{{\"t\":\"{TEXT}\"}}")).unwrap());
    let sent = timeline.send(NewMessage::new(from.clone(), from, text)).await.unwrap();
    let export = Export::new(Arc::clone(&shared), GRACE).unwrap();
    timeline.recall(&note(), sent.place, None).await.unwrap();
    // As if it had been taken back long ago.
    shared.erased(0);
    let mut rewrites = shared.rewrites.subscribe();
    let early = timeout(Duration::from_secs(1), rewrites.wait_for(|rewrites| *rewrites > 0)).await;
    assert!(early.is_err(), "the export still needs the text");
    drop(export);
    rewritten(&shared).await;
    assert_eq!(files_with(directory.path(), TEXT), 0);
    assert!(timeline.shutdown(GRACE).await);
}

#[tokio::test]
async fn a_store_that_erases_nothing_is_exported_whatever_has_to_leave_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::new(directory.path());
    let (timeline, shared) = start(config.clone(), well()).await;
    assert!(timeline.shutdown(GRACE).await);
    drop(shared);
    // As if the text had been taken back long ago.
    Sample::open(directory.path()).write(|batch, tables| tables.note_erased(batch, 1));
    let store = EmbeddedStore::start(config.erases(false)).await.unwrap();
    assert!(!store.shared.running.lock().contains(&"timeline-erase"));
    let mut export = store.export().unwrap();
    let mut read = 0;
    while let Some(chunk) = export.chunk().unwrap() {
        read += chunk.len();
    }
    assert!(read > 0);
    drop(export);
    assert!(store.shutdown(GRACE).await);
    drop(store);
    let left = Sample::open(directory.path());
    assert_eq!(left.tables().erased_at().unwrap(), Some(1), "the next start erases it");
    assert!(files_with(directory.path(), TEXT) > 0);
}

/// Waits until no export begins, and returns why.
///
/// Between two tries to replace the files one may begin.
async fn refusal(shared: &Arc<Shared>) -> Error {
    loop {
        match Export::new(Arc::clone(shared), GRACE) {
            Err(refusal) => return refusal,
            Ok(export) => drop(export),
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_export_that_stands_is_ended_when_a_text_has_to_go_and_none_begins() {
    let directory = tempfile::tempdir().unwrap();
    let (timeline, shared) = start(Config::new(directory.path()), well()).await;
    let export = Export::new(Arc::clone(&shared), GRACE).unwrap();
    // As if the text had been taken back long ago.
    shared.erased(0);
    let ended = timeout(GRACE, export.ended()).await.expect("before its own time");
    assert!(ended.to_string().contains("leave the files now"), "{ended}");
    let refused = timeout(GRACE, refusal(&shared)).await.expect("while it waits for the export");
    assert_eq!((ended.kind(), refused.kind()), (ErrorKind::Unavailable, ErrorKind::Unavailable));
    drop(export);
    rewritten(&shared).await;
    assert_eq!(files_with(directory.path(), TEXT), 0);
    let mut exports = shared.erasing();
    timeout(GRACE, exports.wait_for(|is_erasing| !is_erasing)).await.expect("after the merge").unwrap();
    assert!(Export::new(Arc::clone(&shared), GRACE).unwrap().chunk().unwrap().is_some());
    assert!(timeline.shutdown(GRACE).await);
}

#[tokio::test]
async fn an_export_ends_after_its_time_also_if_nobody_reads_it() {
    let directory = tempfile::tempdir().unwrap();
    let (timeline, shared) = start(Config::new(directory.path()), well()).await;
    let mut export = Export::new(shared, Duration::from_millis(1)).unwrap();
    let ended = timeout(GRACE, export.ended()).await.expect("after a millisecond");
    assert!(ended.to_string().contains("make it again"), "{ended}");
    assert_eq!(export.chunk().unwrap_err().kind(), ErrorKind::Unavailable);
    drop(export);
    assert!(timeline.shutdown(GRACE).await);
}

#[tokio::test]
async fn a_store_that_fails_during_a_merge_is_read_until_that_ends() {
    let directory = tempfile::tempdir().unwrap();
    let broken = Arc::new(AtomicBool::new(false));
    let config = Config::new(directory.path());
    let (timeline, shared) = start(config, failing(Arc::clone(&broken))).await;
    // As while large tables are merged.
    shared.set_merging(true);
    broken.store(true, Ordering::SeqCst);
    send(&timeline, 1).await.unwrap_err();
    broken.store(false, Ordering::SeqCst);
    let state = until(&timeline, |state| state.to_string().contains("merged")).await;
    assert!(matches!(state, State::ReadOnly { .. }), "{state}");
    timeline.history(&note(), PageRequest::default()).await.unwrap();
    shared.set_merging(false);
    until(&timeline, State::is_well).await;
    assert_eq!(send(&timeline, 2).await.unwrap(), 3);
    assert!(timeline.shutdown(GRACE).await);
}

#[tokio::test]
async fn a_store_that_fails_during_an_export_is_read_until_that_was_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let broken = Arc::new(AtomicBool::new(false));
    let config = Config::new(directory.path());
    let (timeline, shared) = start(config, failing(Arc::clone(&broken))).await;
    let mut export = Export::new(shared, GRACE).unwrap();
    broken.store(true, Ordering::SeqCst);
    send(&timeline, 1).await.unwrap_err();
    broken.store(false, Ordering::SeqCst);
    let state = until(&timeline, |state| state.to_string().contains("export")).await;
    assert!(matches!(state, State::ReadOnly { .. }), "{state}");
    timeline.history(&note(), PageRequest::default()).await.unwrap();
    assert_eq!(export.chunk().unwrap_err().kind(), ErrorKind::Unavailable);
    drop(export);
    until(&timeline, State::is_well).await;
    assert_eq!(send(&timeline, 2).await.unwrap(), 3);
    assert!(timeline.shutdown(GRACE).await);
}

#[tokio::test]
async fn a_failure_in_between_is_tried_again_when_the_store_is_well() {
    let directory = tempfile::tempdir().unwrap();
    let broken = Arc::new(AtomicBool::new(false));
    let config = Config::new(directory.path());
    let (timeline, shared) = start(config, failing(Arc::clone(&broken))).await;
    broken.store(true, Ordering::SeqCst);
    // As if the text had been taken back long ago.
    shared.erased(0);
    until(&timeline, |state| matches!(state, State::ReadOnly { .. } | State::Down { .. })).await;
    broken.store(false, Ordering::SeqCst);
    until(&timeline, State::is_well).await;
    rewritten(&shared).await;
    assert_eq!(files_with(directory.path(), TEXT), 0);
    assert!(timeline.shutdown(GRACE).await);
}
