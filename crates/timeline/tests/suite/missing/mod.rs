//! What is missing is not new: a store that lost a part is refused, with what is missing, and
//! nothing in it is changed.

mod mixed;
mod tables;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use timeline::embedded::EmbeddedStore;
use timeline::{
    Config, Count, Error, ErrorKind, MemberId, Message, NewMessage, Seq, Store, Timeline, embedded,
};

/// A time that only a hang reaches.
const GRACE: Duration = Duration::from_secs(60);

const SENDS: u64 = 60;

async fn open(directory: &Path) -> Result<EmbeddedStore, Error> {
    EmbeddedStore::start(embedded::Config::new(directory)).await
}

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

async fn send(timeline: &Timeline, number: u64) -> u64 {
    let message = Message::new(format!("{{\"n\":{number}}}")).unwrap();
    let send = NewMessage::new(member("a"), member("b"), message);
    timeline.send(send).await.unwrap().sequence.get()
}

/// A store that was closed after `SENDS` sends.
async fn store() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let timeline = Timeline::start(Config::default(), open(directory.path()).await.unwrap()).unwrap();
    for number in 1..=SENDS {
        assert_eq!(send(&timeline, number).await, number);
    }
    assert!(timeline.shutdown(GRACE).await);
    // The journal of a new store is 64 MiB long; opened again it ends with its last batch.
    assert!(open(directory.path()).await.unwrap().shutdown(GRACE).await);
    directory
}

fn copy(from: &Path) -> TempDir {
    fn copy_into(from: &Path, to: &Path) {
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let to = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                fs::create_dir(&to).unwrap();
                copy_into(&entry.path(), &to);
            } else {
                fs::copy(entry.path(), to).unwrap();
            }
        }
    }
    let copy = tempfile::tempdir().unwrap();
    copy_into(from, copy.path());
    copy
}

/// Every file with its contents, except the lock.
fn contents(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(contents(&path));
        } else if !path.ends_with("lock") {
            let bytes = fs::read(&path).unwrap();
            all.push((path, bytes));
        }
    }
    all.sort();
    all
}

async fn read_all(store: &EmbeddedStore) -> u64 {
    let inbox = store.inbox(&member("b"), Seq::ZERO.into(), Count::new(1_000)).await.unwrap();
    assert_eq!(inbox.entries.len() as u64, inbox.latest_seq.get());
    inbox.latest_seq.get()
}

fn journal(directory: &Path) -> PathBuf {
    directory.join("store/0.jnl")
}

/// What is done to a directory, and what is said of it then.
const DAMAGES: &[(&str, fn(&Path))] = &[
    ("store is missing or empty", |d| fs::remove_dir_all(d.join("store")).unwrap()),
    ("store is missing or empty", |d| {
        fs::remove_dir_all(d.join("store")).unwrap();
        fs::create_dir(d.join("store")).unwrap();
    }),
    ("keyspaces/0 is missing", |d| fs::remove_dir_all(d.join("store/keyspaces")).unwrap()),
    ("keyspaces/0 is missing", |d| {
        fs::remove_dir_all(d.join("store/keyspaces")).unwrap();
        fs::create_dir(d.join("store/keyspaces")).unwrap();
    }),
    ("keyspaces/0 is missing", |d| fs::remove_dir_all(d.join("store/keyspaces/0")).unwrap()),
    ("keyspaces/1 is missing", |d| fs::remove_dir_all(d.join("store/keyspaces/1")).unwrap()),
    ("keyspaces/2 is missing", |d| fs::remove_dir_all(d.join("store/keyspaces/2")).unwrap()),
    ("keyspaces/3 is missing", |d| fs::remove_dir_all(d.join("store/keyspaces/3")).unwrap()),
    ("keyspaces/4 is missing", |d| fs::remove_dir_all(d.join("store/keyspaces/4")).unwrap()),
    ("current is missing", |d| fs::remove_file(d.join("store/keyspaces/0/current")).unwrap()),
    ("current is missing", |d| fs::remove_file(d.join("store/keyspaces/1/current")).unwrap()),
    ("checksum", |d| fs::write(d.join("store/keyspaces/1/current"), [0; 25]).unwrap()),
    ("wrong length", |d| fs::write(d.join("store/keyspaces/2/current"), "").unwrap()),
    ("/tables/", |d| fs::remove_dir_all(d.join("store/keyspaces/0/tables")).unwrap()),
    ("journals (store/*.jnl) are missing", |d| fs::remove_file(journal(d)).unwrap()),
    ("up to", |d| fs::write(journal(d), "").unwrap()),
    ("version is missing", |d| fs::remove_file(d.join("store/version")).unwrap()),
    ("version is damaged", |d| fs::write(d.join("store/version"), "FJL\x02").unwrap()),
    // Journals alone.
    ("version is missing", |d| {
        for name in ["version", "lock"] {
            fs::remove_file(d.join("store").join(name)).unwrap();
        }
        fs::remove_dir_all(d.join("store/keyspaces")).unwrap();
    }),
    ("marker is missing", |d| fs::remove_file(d.join("marker")).unwrap()),
    ("marker is damaged", |d| fs::write(d.join("marker"), "").unwrap()),
    ("marker is damaged", |d| fs::write(d.join("marker"), [0; 8192]).unwrap()),
];

#[tokio::test]
async fn a_missing_part_is_refused_and_nothing_is_changed() {
    let whole = store().await;
    for (text, damage) in DAMAGES {
        let directory = copy(whole.path());
        damage(directory.path());
        let before = contents(directory.path());
        for _ in 0..2 {
            let error = open(directory.path()).await.expect_err(text);
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{text}: {error}");
            let said = error.to_string();
            assert!(
                said.contains(text) && said.contains("tidings salvage") && !said.contains('\n'),
                "{text}: {said}"
            );
            assert!(said.contains(directory.path().to_str().unwrap()), "{said}");
            assert!(contents(directory.path()) == before, "{text}: something was changed");
        }
    }
    assert_eq!(read_all(&open(whole.path()).await.unwrap()).await, SENDS);
}

#[tokio::test]
async fn an_older_copy_of_the_files_is_refused_with_both_numbers() {
    let whole = store().await;
    let older = copy(whole.path());
    let timeline = Timeline::start(Config::default(), open(whole.path()).await.unwrap()).unwrap();
    for number in 1..=4 {
        send(&timeline, number).await;
    }
    assert!(timeline.shutdown(GRACE).await);
    let marker = older.path().join("marker");
    let older_marker = fs::read(&marker).unwrap();
    fs::copy(whole.path().join("marker"), &marker).unwrap();
    let said = open(older.path()).await.unwrap_err().to_string();
    assert!(
        said.contains(&format!("up to {}", SENDS + 4)) && said.contains(&format!("ends with {SENDS}")),
        "{said}"
    );
    // With its own marker it is whole, and a backup is restored by putting back all of it.
    fs::write(marker, older_marker).unwrap();
    assert_eq!(read_all(&open(older.path()).await.unwrap()).await, SENDS);
}

#[tokio::test]
async fn a_flipped_byte_anywhere_in_a_journal_is_harmless_or_refused() {
    let whole = store().await;
    let bytes = fs::read(journal(whole.path())).unwrap();
    let mut refused = 0;
    for round in 0..96 {
        let place = round * (bytes.len() - 1) / 95;
        let directory = copy(whole.path());
        let mut flipped = bytes.clone();
        flipped[place] ^= 1 << (round % 8);
        fs::write(journal(directory.path()), &flipped).unwrap();
        match open(directory.path()).await {
            Ok(store) => assert_eq!(read_all(&store).await, SENDS, "byte {place} was flipped"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
                assert_eq!(fs::read(journal(directory.path())).unwrap(), flipped, "the journal was changed");
                refused += 1;
            }
        }
    }
    assert!(refused > 64, "{refused}");
}

#[tokio::test]
async fn a_flipped_byte_in_any_other_file_is_harmless_or_refused() {
    let whole = store().await;
    let files = contents(whole.path());
    let others = files.iter().filter(|(path, bytes)| !bytes.is_empty() && *path != journal(whole.path()));
    for (path, bytes) in others {
        let name = path.strip_prefix(whole.path()).unwrap();
        for round in 0..12 {
            let place = round * (bytes.len() - 1) / 11;
            let directory = copy(whole.path());
            let mut flipped = bytes.clone();
            flipped[place] ^= 1 << (round % 8);
            fs::write(directory.path().join(name), &flipped).unwrap();
            match open(directory.path()).await {
                Ok(store) => {
                    assert_eq!(read_all(&store).await, SENDS, "byte {place} of {name:?} was flipped");
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
                    assert!(!error.to_string().contains('\n'), "{error}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_file_that_is_shorter_than_it_was_is_harmless_or_refused() {
    let whole = store().await;
    for (path, bytes) in contents(whole.path()).iter().filter(|(_, bytes)| !bytes.is_empty()) {
        let name = path.strip_prefix(whole.path()).unwrap();
        for eighth in 0..8 {
            // The last one lacks a single byte.
            let length = if eighth == 7 { bytes.len() - 1 } else { eighth * bytes.len() / 8 };
            let directory = copy(whole.path());
            fs::write(directory.path().join(name), &bytes[..length]).unwrap();
            match open(directory.path()).await {
                Ok(store) => assert_eq!(read_all(&store).await, SENDS, "{name:?} ends after {length} bytes"),
                Err(error) => {
                    assert_eq!(
                        error.kind(),
                        ErrorKind::Corrupt,
                        "{name:?} ends after {length} bytes: {error}"
                    );
                    assert_eq!(
                        fs::read(directory.path().join(name)).unwrap().len(),
                        length,
                        "{name:?} was changed"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn a_write_that_was_cut_short_is_no_damage() {
    let whole = store().await;
    let bytes = fs::read(journal(whole.path())).unwrap();
    // Half of a batch that nobody was told of: as long as an old one, with its beginning.
    for torn in [1, 13, 14, 60] {
        let directory = copy(whole.path());
        let mut longer = bytes.clone();
        longer.extend(&bytes[..torn]);
        fs::write(journal(directory.path()), &longer).unwrap();
        assert_eq!(read_all(&open(directory.path()).await.unwrap()).await, SENDS);
    }
}

#[tokio::test]
async fn a_store_that_must_exist_is_not_made() {
    let directory = tempfile::tempdir().unwrap();
    let config = embedded::Config::new(directory.path().join("data")).must_exist(true);
    let error = EmbeddedStore::start(config).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(!directory.path().join("data/store").exists());
}

#[tokio::test]
async fn other_users_are_kept_out() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("data");
    assert!(open(&directory).await.unwrap().shutdown(GRACE).await);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(mode(&directory.join("store")), 0o700);
    assert_eq!(mode(&directory.join("marker")), 0o600);
    assert_eq!(mode(&directory.join("lock")), 0o600);
}
