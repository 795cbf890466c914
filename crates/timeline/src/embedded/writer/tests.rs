//! What the writer remembers of a failure.

use super::*;

#[test]
fn a_panic_while_nothing_is_written_does_not_begin_the_failure_anew() {
    let parent = tempfile::tempdir().unwrap();
    let config = Config::new(parent.path());
    let directory = Arc::new(Directory::lock(parent.path()).unwrap());
    let Opened { tables, marker, last_batch } = opening::open(&config, &directory).unwrap();
    let tables = Arc::new(tables);
    let shared = Arc::new(Shared::new(parent.path(), Arc::clone(&tables)));
    let commit: Commit = Box::new(|batch| batch.durability(Some(PersistMode::SyncData)).commit());
    let opened = (tables, marker, last_batch);
    let mut writer = StoreWriter::new(config, directory, Arc::clone(&shared), commit, opened);

    writer.failed("the disk is full", None);
    // In the way of the file that it tries, so the first try fails as well.
    fs::create_dir(parent.path().join("probe")).unwrap();
    writer.failure.as_mut().unwrap().retry_at = Instant::now();
    assert!(!writer.mend());
    let noted = |writer: &StoreWriter| {
        let failure = writer.failure.as_ref().unwrap();
        (failure.since, failure.retry_at, failure.wait, failure.error.to_string())
    };
    let (before, state) = (noted(&writer), shared.state().borrow().clone());
    writer.failed("the committing thread panicked", None);
    assert_eq!(noted(&writer), before);
    assert_eq!(*shared.state().borrow(), state);
}
