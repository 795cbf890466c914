//! New entries come to their readers, and receipts to who waits for them.

use conductor_hub::{Hooks, Hub};
use serde_json::json;
use tempfile::TempDir;
use tidings_join::channel;
use tidings_join::receipts::{InboxPublisher, Receipts, receipt};
use timeline::embedded::{self, EmbeddedStore};
use timeline::{
    Conversation, GroupName, MemberId, Message, NewMessage, Observer as _, ReadCursor, Seq, Timeline,
};

use super::client::{Client, Names};
use crate::PATIENCE;

async fn start() -> (Hub, Timeline, TempDir) {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let hub = Hub::start(Default::default(), Hooks::default().auth(Names)).expect("the defaults are valid");
    let store = embedded::Config::new(directory.path()).observer(InboxPublisher::new(hub.clone()));
    let store = EmbeddedStore::start(store).await.expect("the directory is new");
    let timeline = Timeline::start(Default::default(), store).expect("the defaults are valid");
    (hub, timeline, directory)
}

#[tokio::test]
async fn an_entry_is_pushed_as_a_sync_has_it() {
    let (hub, timeline, _directory) = start().await;
    let mut bob = Client::connect(&hub, "bob").await;
    bob.settle().await;
    let (from, to) = (MemberId::new("alice").unwrap(), MemberId::new("bob").unwrap());
    for text in [r#"{"n":1}"#, r#"{"n":2}"#] {
        let message = Message::new(text).unwrap();
        timeline.send(NewMessage::new(from.clone(), to.clone(), message)).await.unwrap();
    }
    for number in 1..=2 {
        let (named, entry) = bob.next_json().await;
        assert_eq!(named, channel::inbox("bob"));
        assert_eq!((&entry["sequence"], &entry["from"]), (&json!(number.to_string()), &json!("alice")));
        assert_eq!((&entry["to"], &entry["message"]), (&json!("bob"), &json!(format!("{{\"n\":{number}}}"))));
    }
    drop(bob);
    assert!(timeline.shutdown(PATIENCE).await && hub.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_cursor_is_pushed_as_whoever_hears_it_sees_the_conversation() {
    let hub = Hub::start(Default::default(), Hooks::default().auth(Names)).unwrap();
    let mut bob = Client::connect(&hub, "bob").await;
    bob.settle().await;
    let publisher = InboxPublisher::new(hub.clone());
    let member = |name: &str| MemberId::new(name).unwrap();
    let pair = Conversation::single(member("alice"), member("bob"));
    let team = Conversation::group(GroupName::new("team").unwrap());
    let place = Seq::new(7).unwrap();
    for (reader, conversation) in [("alice", pair.clone()), ("bob", pair), ("bob", team)] {
        publisher.read(&member("bob"), &ReadCursor::new(member(reader), conversation, place));
    }
    publisher.reads_missed(&member("bob"));
    for expected in [
        json!({ "member": "alice", "with": "alice", "read": "7" }),
        json!({ "member": "bob", "with": "alice", "read": "7" }),
        json!({ "member": "bob", "group": "team", "read": "7" }),
        json!({ "cut": true }),
    ] {
        assert_eq!(bob.next_json().await, (channel::read("bob"), expected));
    }
    drop(bob);
    assert!(hub.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_receipt_is_stored_never_falls_and_is_told() {
    let (hub, timeline, _directory) = start().await;
    let (alice, bob) = (MemberId::new("alice").unwrap(), MemberId::new("bob").unwrap());
    let message = Message::new(r#"{"text":"hi"}"#).unwrap();
    let sent = timeline.send(NewMessage::new(alice, bob.clone(), message)).await.unwrap().sequence;
    let receipts = Receipts::new(timeline.clone(), hub.clone());
    assert_eq!(receipts.received_of(&bob).await.unwrap(), Seq::ZERO);

    // Alice has an inbox of her own, in which the message is, too.
    let mut waiting = Client::connect(&hub, "carol").await;
    waiting.bind(&channel::received("bob")).await;
    assert_eq!(receipts.received(&bob, sent).await.unwrap(), sent);
    let told = waiting.next().await;
    assert_eq!((told.channel, told.body), (channel::received("bob"), receipt(&bob, sent).into()));
    assert_eq!(receipt(&bob, sent), r#"{"member":"bob","sequence":"1"}"#);
    assert_eq!(receipts.received(&bob, Seq::ZERO).await.unwrap(), sent);
    assert_eq!(receipts.received_of(&bob).await.unwrap(), sent);
    drop(waiting);
    assert!(timeline.shutdown(PATIENCE).await && hub.shutdown(PATIENCE).await);
}
