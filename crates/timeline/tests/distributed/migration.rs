//! A store takes over what the Go service has stored, as it is.

use std::io::Write;
use std::process::{Command, Stdio};

use mongodb::bson::doc;
use test_support::{binary, redis_connection, skip, unique};
use timeline::{
    Config, Conversation, Count, Entry, EntryKind, EntryStatus, ErrorKind, GroupName, MemberId, Message,
    NewMessage, PageRequest, Seq, Timeline,
};
use tokio::time::timeout;

use crate::place::{PATIENCE, Place, open};

/// What was sent through the Go service. Of one sequence of bob it crashed between its two steps.
const SENDS: &str = r#"
{"from":"alice","to":"bob","message":{"text":"one","n":1}}
{"from":"bob","to":"alice","message":{}}
{"group":"tea","members":["alice","bob"],"message":{"text":"<two>","list":[1.5,null,{"big":1e21}]}}
{"lost":"bob"}
{"from":"alice","to":"bob","message":{"text":"three"}}
"#;

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

fn hello(from: &MemberId, to: &MemberId) -> NewMessage {
    NewMessage::new(from.clone(), to.clone(), Message::new(r#"{"text":"hello"}"#).unwrap())
}

fn texts(entries: &[Entry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.message.as_str()).collect()
}

/// Has the sends be stored as the Go service does; false where there is no Python with pymongo.
fn stored(place: &Place, sends: &str) -> bool {
    let Some(python) = binary(&["pymongo"]) else {
        skip("no pymongo; run `cargo xtask setup`");
        return false;
    };
    let mut command = Command::new(python);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/distributed/go_service.py"));
    command.args([place.mongo_url(), place.database()]).stdin(Stdio::piped());
    let mut process = command.spawn().unwrap();
    // Its input ends with the statement.
    process.stdin.take().unwrap().write_all(sends.trim_start().as_bytes()).unwrap();
    assert!(process.wait().unwrap().success());
    true
}

/// Reads an inbox until it has so many entries.
async fn watched(timeline: &Timeline, member: &MemberId, count: usize) -> Vec<Entry> {
    let (mut watch, mut entries) = (timeline.watch(member, Seq::ZERO), Vec::new());
    while entries.len() < count {
        let page = timeout(PATIENCE, watch.next()).await.expect("entries should come").unwrap();
        entries.extend(page.entries);
    }
    entries
}

async fn takes_over(place: &Place) {
    if !stored(place, SENDS) {
        return;
    }
    let timeline = Timeline::start(Config::default(), open(place.config()).await).unwrap();
    let (alice, bob) = (member("alice"), member("bob"));
    let (one, two) = (r#"{"n":1,"text":"one"}"#, r#"{"list":[1.5,null,{"big":1e21}],"text":"<two>"}"#);
    let three = r#"{"text":"three"}"#;

    // The sequence that was never stored is closed after the grace.
    let inbox = watched(&timeline, &bob, 5).await;
    assert_eq!(texts(&inbox), [one, "{}", two, "{}", three]);
    let gap = (EntryKind::Tombstone, EntryStatus::Unused);
    let kinds: Vec<_> = inbox.iter().map(|entry| (entry.kind, entry.status) == gap).collect();
    assert_eq!(kinds, [false, false, false, true, false]);
    let page = timeline.sync(&alice, Seq::ZERO, Count::default()).await.unwrap();
    assert_eq!(texts(&page.entries), [one, "{}", two, three]);
    let times: Vec<_> = page.entries.iter().map(|entry| entry.at_ms).collect();
    assert!(times[0] > 0 && times.is_sorted(), "{times:?}");

    let pair = Conversation::single(alice.clone(), bob.clone());
    let tea = Conversation::group(GroupName::new("tea").unwrap());
    for (conversation, wanted) in [(&pair, vec![one, "{}", three]), (&tea, vec![two])] {
        let page = timeline.history(conversation, PageRequest::default()).await.unwrap();
        assert_eq!(texts(&page.entries), wanted);
        assert!(page.entries.iter().all(|entry| entry.place == entry.sequence && entry.tag.is_some()));
    }

    // Nobody knows where the copies are of what the Go service has stored.
    let edit = timeline.edit(&pair, seq(1), None, Message::new("{}").unwrap()).await;
    assert_eq!(edit.unwrap_err().kind(), ErrorKind::Conflict);

    // All boxes count on.
    let sent = timeline.send(hello(&alice, &bob)).await.unwrap();
    assert_eq!((sent.sequence, sent.place), (seq(6), seq(4)));
    assert!(timeline.shutdown(PATIENCE).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_go_service_has_stored_is_read_and_counted_on_without_redis() {
    let Some(place) = Place::on_mongo().await else { return };
    takes_over(&place).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_go_service_has_stored_is_read_and_counted_on_with_redis() {
    let Some(place) = Place::on_redis_and_mongo().await else { return };
    takes_over(&place).await;
}

/// A counter is ahead of the entries after a crash, and clients may have heard of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sequences_go_on_from_the_counters_of_the_go_service() {
    let Some(place) = Place::on_redis_and_mongo().await else { return };
    // Its counters have no prefix, so the names are nobody else's.
    let (alice, bob) = (member(&unique("alice")), member(&unique("bob")));
    let stored = doc! { "id": bob.as_str(), "seq": 1_i64, "message": { "text": "one" } };
    place.command(doc! { "insert": "chat_sync", "documents": [stored] }).await;
    let mut redis = redis_connection(place.redis_url().unwrap()).await.unwrap();
    let () = redis::cmd("SET").arg(bob.as_str()).arg(4).query_async(&mut redis).await.unwrap();

    let store = open(place.config().go_counters(true)).await;
    let timeline = Timeline::start(Config::default(), store).unwrap();
    assert_eq!(timeline.send(hello(&alice, &bob)).await.unwrap().sequence, seq(5));
    let inbox = watched(&timeline, &bob, 5).await;
    assert_eq!(texts(&inbox), [r#"{"text":"one"}"#, "{}", "{}", "{}", r#"{"text":"hello"}"#]);
    assert!(timeline.shutdown(PATIENCE).await);
}
