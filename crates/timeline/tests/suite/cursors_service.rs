//! Watches that tell how far conversations were read, and how messages were changed.

use serde_json::{Value, json};
use timeline::proto::v1;
use timeline::proto::v1::timeline_entry::Kind;

use crate::doors::about::{To, edit, read, recall};
use crate::doors::{Call, Door, Doors, SERVICE, create, join, send, send_group};
use crate::watching_service::{events, next, next_page, pages};

fn cursor(member: &str, with: &str, group: &str, read: i64) -> v1::ReadCursor {
    v1::ReadCursor { member: member.to_owned(), with: with.to_owned(), group: group.to_owned(), read }
}

/// Watches an inbox of one entry through both doors, makes a call, and returns the cursors that
/// each is told.
async fn told(doors: &Doors, member: &str, call: Call) -> [Vec<v1::ReadCursor>; 2] {
    let (mut events, mut pages) = (events(doors, member, None).await, pages(doors, member, 0).await);
    let first = next(&mut events).await.unwrap();
    assert_eq!((first.name.as_str(), &first.data["cursors"]), ("entries", &json!([])));
    next_page(&mut pages).await.unwrap().unwrap();

    doors.given(call).await;
    let event = next(&mut events).await.unwrap();
    assert_eq!((event.name.as_str(), &event.id), ("read", &None));
    assert_eq!(event.data["cursorsCut"], false);
    let fields: Vec<&str> = event.data.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["cursors", "cursorsCut"]);
    let over_http = serde_json::from_value(event.data["cursors"].clone()).unwrap();

    let page = next_page(&mut pages).await.unwrap().unwrap();
    assert_eq!((page.entry_set.len(), page.reset, page.cursors_cut), (0, false, false));
    [over_http, page.cursors]
}

#[tokio::test]
async fn both_of_two_are_told_each_by_the_name_of_the_other() {
    for (watcher, with) in [("bob", "alice"), ("alice", "bob")] {
        let doors = Doors::open().await;
        doors.given(send("alice", "bob")).await;
        let expected = vec![cursor("bob", with, "", 1)];
        let told = told(&doors, watcher, read("bob", To::With("alice"), 1)).await;
        assert_eq!(told, [expected.clone(), expected], "{watcher}");
    }
}

#[tokio::test]
async fn of_a_group_the_other_devices_of_the_reader_are_told() {
    let doors = Doors::open().await;
    doors.given(create("tea", "alice", &["bob"])).await;
    doors.given(send_group("alice", "tea", &["alice", "bob"])).await;
    let expected = vec![cursor("bob", "", "tea", 1)];
    let told = told(&doors, "bob", read("bob", To::Group("tea"), 1)).await;
    assert_eq!(told, [expected.clone(), expected]);
}

#[tokio::test]
async fn after_cursors_the_entries_go_on_without_a_gap() {
    let doors = Doors::open().await;
    doors.given(send("alice", "bob")).await;
    let (mut events, mut pages) = (events(&doors, "bob", None).await, pages(&doors, "bob", 0).await);
    next(&mut events).await.unwrap();
    next_page(&mut pages).await.unwrap().unwrap();
    doors.given(read("bob", To::With("alice"), 1)).await;
    assert_eq!(next(&mut events).await.unwrap().name, "read");
    assert_eq!(next_page(&mut pages).await.unwrap().unwrap().cursors.len(), 1);
    doors.given(send("alice", "bob")).await;
    let event = next(&mut events).await.unwrap();
    assert_eq!((event.name.as_str(), &event.data["entrySetLastSeq"]), ("entries", &json!("2")));
    assert!(event.id.is_some());
    let page = next_page(&mut pages).await.unwrap().unwrap();
    assert_eq!((page.entry_set_last_seq, page.cursors), (2, Vec::new()));
}

#[tokio::test]
async fn more_cursors_than_a_page_tells_are_cut_and_it_says_so() {
    let doors = Doors::open().await;
    doors.given(send("alice", "bob")).await;
    // All groups have a message before anybody watches.
    for group in 0..40 {
        let group = format!("g{group}");
        doors.given(create(&group, "alice", &[])).await;
        doors.given(send_group("alice", &group, &["alice"])).await;
        doors.given(join(&group, &["bob"])).await;
        doors.given(send_group("alice", &group, &["alice"])).await;
    }
    let mut pages = pages(&doors, "bob", 1).await;
    // Nobody reads the watch meanwhile; it is the server that keeps what to tell.
    for group in 0..40 {
        doors.given(read("bob", To::Group(&format!("g{group}")), 2)).await;
    }
    let mut seen = 0;
    let mut is_cut = false;
    while seen < 40 && !is_cut {
        let page = next_page(&mut pages).await.unwrap().unwrap();
        assert!(page.cursors.len() <= 32, "{}", page.cursors.len());
        seen += page.cursors.len();
        is_cut = page.cursors_cut;
    }
}

fn last(page: &Value) -> Value {
    page["entrySet"].as_array().unwrap().last().unwrap().clone()
}

#[tokio::test]
async fn a_watch_tells_that_a_message_was_changed() {
    let doors = Doors::open().await;
    doors.given(send("alice", "bob")).await;
    let (mut events, mut pages) = (events(&doors, "bob", None).await, pages(&doors, "bob", 0).await);
    next(&mut events).await.unwrap();
    next_page(&mut pages).await.unwrap().unwrap();
    doors.call(Door::Grpc, SERVICE, edit("alice", To::With("bob"), 1, "{\"n\":7}")).await.unwrap();
    let edit = last(&next(&mut events).await.unwrap().data);
    assert_eq!(
        (&edit["kind"], &edit["target"], &edit["edited"]),
        (&json!("EDIT"), &json!("1"), &json!("{\"n\":7}"))
    );
    let page = next_page(&mut pages).await.unwrap().unwrap();
    assert_eq!(page.entry_set[0].edited.as_deref(), Some("{\"n\":7}"));
    doors.call(Door::Grpc, SERVICE, recall("alice", To::With("bob"), 1)).await.unwrap();
    let recall = last(&next(&mut events).await.unwrap().data);
    assert_eq!((&recall["kind"], recall.get("edited")), (&json!("RECALL"), None));
    let page = next_page(&mut pages).await.unwrap().unwrap();
    assert_eq!((page.entry_set[0].kind(), page.entry_set[0].target), (Kind::Recall, 1));
}
