//! When the files are replaced.

use super::*;
use crate::embedded::sample::Sample;

#[test]
fn a_clock_that_was_set_back_puts_nothing_off() {
    let directory = tempfile::tempdir().unwrap();
    let tables = Sample::open(directory.path()).opened.tables;
    let shared = Arc::new(Shared::new(directory.path(), Arc::new(tables)));
    let (commands, _receiver) = tokio::sync::mpsc::channel(1);
    let (store, within) = (directory.path().join("store"), Duration::from_secs(60));
    let eraser = Eraser::new(Arc::clone(&shared), store, within, commands.downgrade());
    shared.erased(clock::unix_ms() + 24 * 60 * 60 * 1_000);
    assert!(!eraser.is_due());
    assert!(shared.erased_since().unwrap() <= clock::unix_ms());
}
