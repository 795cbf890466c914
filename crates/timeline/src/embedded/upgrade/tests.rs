//! An upgrade goes on wherever it was cut short.

mod from_layout_2;

use std::sync::Arc;

use super::super::directory::Directory;
use super::super::marker::{self, Marker, Phase};
use super::super::{Config, EmbeddedStore, keys, opening, records, tables::Tables};
use super::*;
use crate::{Count, ErrorKind, MemberId, Seq, Store as _};

/// A store of layout 1 with 20 boxes, the last of which has 20 entries.
fn layout_1(config: &Config) {
    let directory = Arc::new(Directory::lock(&config.directory).unwrap());
    let tables = Tables::open(config, &directory).unwrap();
    let mut batch = tables.database.batch();
    batch.insert(&tables.state, keys::FORMAT, [records::VERSION_1]);
    for number in 1..=20_u64 {
        let prefix = keys::inbox(&MemberId::new(format!("m{number:02}")).unwrap());
        for sequence in 1..=number {
            let key = keys::entry(&prefix, Seq::new(sequence).unwrap());
            batch.insert(&tables.entries, key, *b"\x01\0\0\0\0\0\0\0\x07{}");
        }
    }
    batch.durability(Some(PersistMode::SyncAll)).commit().unwrap();
}

/// What a first start leaves that was cut short after it had made these keyspaces.
fn cut_short(config: &Config, keyspaces: &[&str]) {
    let store = config.directory.join("store");
    let database = fjall::Database::builder(&store).open().unwrap();
    for name in keyspaces {
        database.keyspace(name, fjall::KeyspaceCreateOptions::default).unwrap();
    }
    drop(database);
    // The next one has a folder, and is in no list yet.
    std::fs::create_dir(store.join(format!("keyspaces/{}", keyspaces.len() + 1))).unwrap();
}

#[tokio::test]
async fn keyspaces_have_other_numbers_after_a_first_start_that_was_cut_short() {
    for keyspaces in [&[][..], &["entries"][..], &["entries", "state"][..]] {
        let directory = tempfile::tempdir().unwrap();
        let config = Config::new(directory.path());
        cut_short(&config, keyspaces);
        layout_1(&config);
        assert!(super::super::check(directory.path()).unwrap().upgrade, "{keyspaces:?}");
        // The second start compares the store with the marker that the first one made.
        for _ in 0..2 {
            let store = EmbeddedStore::start(config.clone()).await.unwrap();
            let member = MemberId::new("m20").unwrap();
            let inbox = store.inbox(&member, Seq::ZERO.into(), Count::default()).await.unwrap();
            assert_eq!(inbox.latest_seq.get(), 20, "{keyspaces:?}");
            assert!(store.shutdown(Duration::from_secs(60)).await);
        }
    }
}

#[tokio::test]
async fn a_first_start_that_was_cut_short_at_its_last_keyspace_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::new(directory.path());
    cut_short(&config, &["entries", "state"]);
    let store = EmbeddedStore::start(config).await.unwrap();
    assert!(store.shutdown(Duration::from_secs(60)).await);
}

#[tokio::test]
async fn a_list_of_keyspaces_of_another_copy_is_refused_without_a_marker_too() {
    for names in [&[][..], &["a", "b", "c"][..], &["a", "entries", "state", "sends"][..]] {
        let (directory, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let config = Config::new(directory.path());
        layout_1(&config);
        cut_short(&Config::new(other.path()), names);
        let list = directory.path().join("store/keyspaces/0");
        std::fs::remove_dir_all(&list).unwrap();
        std::fs::rename(other.path().join("store/keyspaces/0"), &list).unwrap();
        let error = EmbeddedStore::start(config).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{names:?}: {error}");
        assert!(error.to_string().contains("does not have store/keyspaces/1"), "{names:?}: {error}");
    }
}

#[tokio::test]
async fn an_upgrade_that_is_cut_short_anywhere_goes_on() {
    // 20 boxes, 7 at a time, and a last step that finds none.
    for steps in 0..=4 {
        let directory = tempfile::tempdir().unwrap();
        let config = Config::new(directory.path());
        layout_1(&config);
        {
            let directory = Arc::new(Directory::lock(&config.directory).unwrap());
            let mut opened = opening::open_unupgraded(&config, &directory).unwrap();
            for step in 0..steps {
                assert_eq!(boxes::step(&mut opened).unwrap().is_none(), step == 3, "{steps} {step}");
            }
        }
        let store = EmbeddedStore::start(config).await.unwrap();
        for number in 1..=20 {
            let member = MemberId::new(format!("m{number:02}")).unwrap();
            let inbox = store.inbox(&member, Seq::ZERO.into(), Count::default()).await.unwrap();
            assert_eq!((inbox.latest_seq.get(), inbox.entries.len() as u64), (number, number));
        }
        assert!(store.shutdown(Duration::from_secs(60)).await);
    }
}

#[tokio::test]
async fn a_store_that_was_put_back_below_the_marker_of_one_in_the_making_is_not_removed() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::new(directory.path());
    layout_1(&config);
    let making = MarkerRecord {
        id: 7,
        generation: 9,
        layout: VERSION,
        phase: Phase::Making,
        batch: 0,
        keyspaces: Vec::new(),
    };
    drop(Marker::open(directory.path(), making).unwrap());
    let error = EmbeddedStore::start(config.clone()).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains("holds messages"), "{error}");
    std::fs::remove_file(marker::path(directory.path())).unwrap();
    let store = EmbeddedStore::start(config).await.unwrap();
    let inbox = store.inbox(&MemberId::new("m20").unwrap(), Seq::ZERO.into(), Count::default()).await;
    assert_eq!(inbox.unwrap().latest_seq.get(), 20);
}
