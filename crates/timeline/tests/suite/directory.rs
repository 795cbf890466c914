//! What a data directory that cannot be used says.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use timeline::embedded::EmbeddedStore;
use timeline::{
    Config, Count, Error, ErrorKind, MemberId, Message, NewMessage, Seq, Store, Timeline, embedded, grpc,
    http,
};

/// A time that only a hang reaches.
const GRACE: Duration = Duration::from_secs(60);

async fn open(directory: &Path) -> Result<EmbeddedStore, Error> {
    EmbeddedStore::start(embedded::Config::new(directory)).await
}

async fn refused(directory: &Path) -> Error {
    let error = open(directory).await.unwrap_err();
    assert!(error.to_string().contains(directory.to_str().unwrap()), "{error}");
    error
}

async fn send(timeline: &Timeline) -> u64 {
    let (from, to) = (MemberId::new("a").unwrap(), MemberId::new("b").unwrap());
    let send = NewMessage::new(from, to, Message::new("{}").unwrap());
    timeline.send(send).await.unwrap().sequence.get()
}

#[tokio::test]
async fn a_second_opener_is_told_that_the_directory_is_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await.unwrap();
    let error = refused(directory.path()).await;
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("in use"), "{error}");
    assert!(store.shutdown(GRACE).await);
    // Free at once, although the handle is still there.
    let again = open(directory.path()).await.unwrap();
    drop(store);
    assert!(again.shutdown(GRACE).await);
}

#[tokio::test]
async fn an_unusable_place_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    assert_eq!(refused(&file.join("data")).await.kind(), ErrorKind::Config);
    assert_eq!(refused(Path::new("/proc/tidings")).await.kind(), ErrorKind::Config);
    assert_eq!(open(Path::new("")).await.unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test]
async fn a_damaged_store_is_an_error_and_is_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let timeline = Timeline::start(Config::default(), open(directory.path()).await.unwrap()).unwrap();
    send(&timeline).await;
    assert!(timeline.shutdown(GRACE).await);
    drop(timeline);
    let version = directory.path().join("store/version");
    let good = fs::read(&version).unwrap();
    for bad in [&b"something else"[..], b""] {
        fs::write(&version, bad).unwrap();
        assert_eq!(refused(directory.path()).await.kind(), ErrorKind::Corrupt);
    }
    fs::write(&version, good).unwrap();
    let timeline = Timeline::start(Config::default(), open(directory.path()).await.unwrap()).unwrap();
    assert_eq!(send(&timeline).await, 2);
}

#[tokio::test]
async fn a_flipped_bit_in_the_journal_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let timeline = Timeline::start(Config::default(), open(directory.path()).await.unwrap()).unwrap();
    for _ in 0..20 {
        send(&timeline).await;
    }
    assert!(timeline.shutdown(GRACE).await);
    drop(timeline);
    let journal = directory.path().join("store/0.jnl");
    let mut bytes = fs::read(&journal).unwrap();
    let message = bytes.windows(2).position(|window| window == b"{}").unwrap();
    bytes[message] ^= 1;
    fs::write(&journal, bytes).unwrap();
    assert_eq!(refused(directory.path()).await.kind(), ErrorKind::Corrupt);
}

#[tokio::test]
async fn a_start_that_was_cut_short_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("store");
    fs::create_dir_all(store.join("keyspaces")).unwrap();
    fs::write(store.join("lock"), "").unwrap();
    fs::write(store.join("0.jnl"), [0; 1024]).unwrap();
    for version in [None, Some("")] {
        if let Some(version) = version {
            fs::remove_dir_all(&store).unwrap();
            fs::remove_file(directory.path().join("marker")).unwrap();
            fs::create_dir_all(store.join("keyspaces")).unwrap();
            fs::write(store.join("0.jnl"), [0; 1024]).unwrap();
            fs::write(store.join("version"), version).unwrap();
        }
        let opened = open(directory.path()).await.unwrap();
        assert!(opened.shutdown(GRACE).await);
    }
}

#[tokio::test]
async fn dropping_without_closing_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    for round in 1..=5 {
        let timeline = loop {
            // The thread of the dropped store lets go of the directory a moment later.
            match open(directory.path()).await {
                Ok(store) => break Timeline::start(Config::default(), store).unwrap(),
                Err(error) => assert!(error.to_string().contains("in use"), "{error}"),
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(send(&timeline).await, round);
        let member = MemberId::new("b").unwrap();
        let inbox = timeline.sync(&member, Seq::ZERO, Count::default()).await.unwrap();
        assert_eq!(inbox.latest_seq.get(), round);
    }
}

#[tokio::test]
async fn values_out_of_range_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let config = || embedded::Config::new(directory.path());
    for (config, text) in [
        (embedded::Config::new(""), "directory is empty; name the folder of the store"),
        (config().queue(0), "queue is 0; it must be from 1 to 65536"),
        (config().batch_bytes(1), "batch_bytes is 1; it must be at least 65536"),
    ] {
        refused_with(EmbeddedStore::start(config).await, text);
    }
    let store = Arc::new(open(directory.path()).await.unwrap());
    let start = |config| Timeline::start(config, Arc::clone(&store));
    let config = Config::default().message_bytes_max(1);
    refused_with(start(config), "message_bytes_max is 1; it must be from 2 to 1048576");
    let config = Config::default().group_members_max(0);
    refused_with(start(config), "group_members_max is 0; it must be from 1 to 10000");

    let timeline = start(Config::default()).unwrap();
    let router = |config| http::router(config, timeline.clone());
    refused_with(
        router(http::Config::default().body_bytes_max(1)),
        "body_bytes_max is 1; it must be at least 1024",
    );
    refused_with(
        router(http::Config::default().answer_bytes_max(1)),
        "answer_bytes_max is 1; it must be from ",
    );
    let config = http::Config::default().allowed_origins(["chat.example.org"]);
    refused_with(router(config), "allowed_origins has \"chat.example.org\"; write an origin as ");
    let server = |config| grpc::server(config, timeline.clone());
    let config = grpc::Config::default().request_bytes_max(1);
    refused_with(server(config), "request_bytes_max is 1; it must be at least 1024");
    refused_with(
        server(grpc::Config::default().answer_bytes_max(1)),
        "answer_bytes_max is 1; it must be from ",
    );
}

fn refused_with<T: std::fmt::Debug>(started: Result<T, Error>, text: &str) {
    let error = started.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().starts_with(text), "{error}");
}
