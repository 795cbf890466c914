//! Parts of two copies: an older part beside newer ones is refused, and nothing that is newer is
//! removed.

use timeline::embedded::{check, salvage};

use super::*;

/// The sends of the older copy and those of the newer one.
const ALL: u64 = SENDS + 20;

pub(super) const KEYSPACES: [&str; 4] = ["entries", "state", "sends", "bodies"];

/// Sends up to `last`, and closes the store so that its journal ends with its last batch.
async fn send_up_to(directory: &Path, last: u64) {
    let timeline = Timeline::start(Config::default(), open(directory).await.unwrap()).unwrap();
    for number in SENDS + 1..=last {
        assert_eq!(send(&timeline, number).await, number);
    }
    assert!(timeline.shutdown(GRACE).await);
    assert!(open(directory).await.unwrap().shutdown(GRACE).await);
}

/// Copies what the journals have into tables, as the engine does when they are long.
pub(super) fn flush(directory: &Path, keyspaces: &[&str]) {
    let database = fjall::Database::builder(directory.join("store")).open().unwrap();
    for name in keyspaces {
        let keyspace = database.keyspace(name, fjall::KeyspaceCreateOptions::default).unwrap();
        keyspace.rotate_memtable_and_wait().unwrap();
    }
}

/// What says which tables a keyspace has.
fn manifest(directory: &Path, keyspace: u64) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = directory.join(format!("store/keyspaces/{keyspace}"));
    contents(&folder).into_iter().filter(|(path, _)| path.parent() == Some(&*folder)).collect()
}

/// Writes files where they were when they were read.
fn put_back(files: &[(PathBuf, Vec<u8>)]) {
    for (path, bytes) in files {
        fs::write(path, bytes).unwrap();
    }
}

/// Opening and looking refuse it in the same words and change nothing.
async fn refused(directory: &Path, text: &str) {
    let before = contents(directory);
    for _ in 0..2 {
        let looked = check(directory).expect_err(text);
        assert!(contents(directory) == before, "{text}: looking changed something");
        let opened = open(directory).await.expect_err(text);
        assert!(contents(directory) == before, "{text}: opening changed something");
        assert_eq!(opened.kind(), ErrorKind::Corrupt, "{text}: {opened}");
        assert_eq!(opened.to_string(), looked.to_string());
        assert!(opened.to_string().contains(text), "{text}: {opened}");
    }
}

/// As [`refused`]; and a salvage finds all.
async fn refused_and_salvaged(directory: &Path, text: &str) {
    refused(directory, text).await;
    let parent = tempfile::tempdir().unwrap();
    let report = salvage(directory, &parent.path().join("new")).unwrap();
    assert_eq!((report.tombstones, report.shortened), (0, 0), "{report:?}");
    assert_eq!(read_all(&open(&parent.path().join("new")).await.unwrap()).await, ALL);
}

#[tokio::test]
async fn a_keyspace_with_an_older_manifest_is_refused_and_keeps_its_newer_tables() {
    let directory = store().await;
    let path = directory.path();
    let first = fs::read(journal(path)).unwrap().len();
    let oldest = manifest(path, 1);
    flush(path, &KEYSPACES);
    send_up_to(path, ALL).await;
    // What is in the tables of all keyspaces need not be in a journal any more.
    let bytes = fs::read(journal(path)).unwrap();
    fs::write(journal(path), &bytes[first..]).unwrap();
    flush(path, &KEYSPACES);
    let newest = manifest(path, 1);
    assert!(check(path).is_ok());
    put_back(&oldest);
    refused_and_salvaged(path, "keyspaces/1 is incomplete").await;
    put_back(&newest);
    assert_eq!(read_all(&open(path).await.unwrap()).await, ALL);
}

#[tokio::test]
async fn an_older_manifest_or_journal_is_refused_where_others_have_more() {
    let directory = store().await;
    let path = directory.path();
    let older_journal = vec![(journal(path), fs::read(journal(path)).unwrap())];
    flush(path, &KEYSPACES);
    let older = [1, 2].map(|keyspace| manifest(path, keyspace));
    send_up_to(path, ALL).await;
    let newer_journal = vec![(journal(path), fs::read(journal(path)).unwrap())];
    flush(path, &["entries"]);

    // Tables that no manifest names are not missed while a journal has what is in them.
    let harmless = copy(path);
    for (file, bytes) in &older[0] {
        fs::write(harmless.path().join(file.strip_prefix(path).unwrap()), bytes).unwrap();
    }
    assert_eq!(read_all(&open(harmless.path()).await.unwrap()).await, ALL);

    // The entries reach further than the boxes, whose sends would be given out once more.
    put_back(&older_journal);
    refused(path, "keyspaces/2 is incomplete").await;
    put_back(&newer_journal);

    flush(path, &KEYSPACES);
    fs::write(journal(path), "").unwrap();
    assert!(check(path).is_ok(), "all is in the tables");
    for (older, keyspace) in older.iter().zip(1..) {
        let newest = manifest(path, keyspace);
        put_back(older);
        refused_and_salvaged(path, &format!("keyspaces/{keyspace} is incomplete")).await;
        put_back(&newest);
    }
    assert_eq!(read_all(&open(path).await.unwrap()).await, ALL);
}

#[tokio::test]
async fn a_list_of_keyspaces_of_another_copy_is_refused_and_no_keyspace_is_removed() {
    let directory = store().await;
    let path = directory.path();
    send_up_to(path, ALL).await;
    // As in a copy that was made before there were bodies, and in one of another program.
    for (names, text) in [
        (&KEYSPACES[..3], "does not have store/keyspaces/4"),
        (&[][..], "does not have store/keyspaces/1"),
        (&["a", "b", "c", "d"][..], "the name entries"),
    ] {
        let other = tempfile::tempdir().unwrap();
        let database = fjall::Database::builder(other.path()).open().unwrap();
        for name in names {
            database.keyspace(name, fjall::KeyspaceCreateOptions::default).unwrap();
        }
        drop(database);
        let mixed = copy(path);
        let list = mixed.path().join("store/keyspaces/0");
        fs::remove_dir_all(&list).unwrap();
        fs::rename(other.path().join("keyspaces/0"), &list).unwrap();
        refused_and_salvaged(mixed.path(), text).await;
    }
}

#[tokio::test]
async fn a_flipped_byte_in_the_list_of_keyspaces_is_refused_before_the_engine_reads_it() {
    let directory = store().await;
    let path = directory.path();
    send_up_to(path, ALL).await;
    let table = fs::read_dir(path.join("store/keyspaces/0/tables")).unwrap().next().unwrap().unwrap().path();
    let bytes = fs::read(&table).unwrap();
    for round in 0..12 {
        let mut flipped = bytes.clone();
        flipped[round * (bytes.len() - 1) / 11] ^= 1 << (round % 8);
        fs::write(&table, &flipped).unwrap();
        refused(path, table.to_str().unwrap()).await;
    }
}

#[tokio::test]
async fn a_folder_that_the_engine_would_remove_is_refused() {
    let directory = store().await;
    let path = directory.path();
    send_up_to(path, ALL).await;
    for name in ["7", "1.old"] {
        let (own, stranger) = (path.join("store/keyspaces/1"), path.join("store/keyspaces").join(name));
        fs::create_dir(&stranger).unwrap();
        fs::copy(own.join("current"), stranger.join("current")).unwrap();
        refused_and_salvaged(path, &format!("keyspaces/{name} is not one of its keyspaces")).await;
        fs::remove_dir_all(stranger).unwrap();
    }
    assert_eq!(read_all(&open(path).await.unwrap()).await, ALL);
}
