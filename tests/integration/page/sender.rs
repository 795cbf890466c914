//! Who sent a message, to whom and when: the server's word, not the message's.

use std::path::Path;

use serde_json::json;
use test_support::{Chromium, require};
use tests::Tidings;

use super::isolation::store;
use super::past::copy;
use super::person::Person;

#[tokio::test]
async fn a_message_of_another_program_is_a_conversation_with_its_sender() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let reader = Person::enter(&chromium.profile().await.unwrap(), &server, "user_b").await;
    // As the README sends it.
    store(&server, "user_a", "user_b", r#"{"text":"hi"}"#).await;
    reader.sees_unread("direct:user_a", "1").await;
    reader.open("user_a").await;
    reader.sees(&["hi"]).await;
    reader.until("document.querySelectorAll('[data-key=unknown]').length === 0").await;
    // The server's time, as the message says none.
    reader.until("document.querySelector('.message time') !== null").await;
    reader.until("document.querySelector('.message .unverified') === null").await;
    // Alike and without an id, it is another message all the same.
    store(&server, "user_a", "user_b", r#"{"text":"hi"}"#).await;
    reader.sees(&["hi", "hi"]).await;
    // It can be answered.
    let writer = Person::enter(&chromium.profile().await.unwrap(), &server, "user_a").await;
    reader.say("hi yourself").await;
    writer.open("user_b").await;
    writer.sees(&["hi", "hi", "hi yourself"]).await;
    reader.all_are("Delivered").await;
    reader.page.reload().await.unwrap();
    reader.sees(&["hi", "hi", "hi yourself"]).await;
    for person in [&reader, &writer] {
        person.had_no_trouble();
    }
}

#[tokio::test]
async fn a_message_that_claims_another_sender_is_shown_as_the_real_one() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    let bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    bob.open("Alice").await;
    bob.say("true").await;
    alice.sees_unread("direct:Bob", "1").await;
    // In Bob's name, in Alice's own, into a group, with another time.
    for claim in [
        json!({ "id": "x", "from": "Bob", "to": "Alice", "text": "I am Bob", "at": 1 }),
        json!({ "id": "y", "from": "Alice", "to": "Bob", "text": "I am Alice", "at": 1 }),
        json!({ "id": "z", "from": "Bob", "group": "Market", "members": ["Alice", "Bob"], "text": "we meet", "at": 1 }),
    ] {
        store(&server, "Mallory", "Alice", &claim.to_string()).await;
    }
    alice.sees_unread("direct:Mallory", "3").await;
    alice.open("Mallory").await;
    alice.sees(&["I am Bob", "I am Alice", "we meet"]).await;
    assert_eq!(alice.value("document.querySelectorAll('.message.is-theirs').length").await, 3);
    alice.until("[...document.querySelectorAll('.message time')].every(time => !time.dateTime.startsWith('1970'))").await;
    alice.sees_unread("direct:Bob", "1").await;
    assert_eq!(alice.value("document.querySelectorAll('[data-key^=\"group:\"]').length").await, 0);
    // Mallory's copy is Mallory's, too.
    let mallory = Person::enter(&chromium.profile().await.unwrap(), &server, "Mallory").await;
    mallory.open("Alice").await;
    mallory.sees(&["I am Bob", "I am Alice", "we meet"]).await;
    assert_eq!(mallory.value("document.querySelectorAll('.message.is-mine').length").await, 3);
    for person in [&alice, &bob, &mallory] {
        person.had_no_trouble();
    }
}

#[tokio::test]
async fn words_repeated_by_somebody_else_are_theirs() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    let words = json!({ "id": "1", "from": "Bob", "group": "Market", "name": "Market", "members": ["Alice", "Bob", "Eve"], "text": "I pay", "at": 1 });
    let client = reqwest::Client::new();
    for from in ["Bob", "Eve"] {
        let body = json!({ "from": from, "group_name": "Market", "group_members": ["Alice"], "message": words.to_string() });
        let answer = client.post(server.url("/timeline/sendGroup")).json(&body).send().await.unwrap();
        assert!(answer.status().is_success());
    }
    alice.sees_unread("group:Market", "2").await;
    alice.open_key("group:Market").await;
    alice.sees(&["I pay", "I pay"]).await;
    let authors =
        "[...document.querySelectorAll('.message .author')].map(author => author.textContent).join()";
    alice.until(&format!("{authors} === 'Bob,Eve'")).await;
}

#[tokio::test]
async fn names_that_hide_what_they_are_show_it() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    // One that is written backwards, and one with a letter that nobody sees.
    for name in ["\u{202e}boB", "Bob\u{200b}"] {
        let message = json!({ "id": name, "from": name, "to": "Alice", "text": "I am Bob", "at": 1 });
        store(&server, name, "Alice", &message.to_string()).await;
    }
    let titles = "[...document.querySelectorAll('#list .row-title')].map(title => title.textContent).sort()";
    alice
        .until(&format!("JSON.stringify({titles}) === JSON.stringify(['Bob\u{fffd}', '\u{fffd}boB'])"))
        .await;
}

/// What version 0.1.0 left: 20 messages of alice to bob of which the server knows no sender.
#[tokio::test]
async fn a_message_whose_sender_the_server_does_not_know_is_unverified() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let mut server = Tidings::start();
    server.kill();
    let timelines = server.data_dir().join("timelines");
    std::fs::remove_dir_all(&timelines).unwrap();
    let layout_1 = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/timeline/tests/layout-1");
    copy(&layout_1, &timelines);
    // Folders without a file are not kept by git.
    for keyspace in 0..4 {
        std::fs::create_dir_all(timelines.join(format!("store/keyspaces/{keyspace}/tables"))).unwrap();
    }
    server.start_again();
    let bob = Person::enter(&chromium.profile().await.unwrap(), &server, "bob").await;
    bob.open_key("unknown").await;
    bob.until("document.querySelectorAll('.message').length >= 20").await;
    let unverified = "[...document.querySelectorAll('.message')].filter(message => message.querySelector('.unverified') !== null)";
    bob.until(&format!("{unverified}.length === document.querySelectorAll('.message').length")).await;
    bob.until(&format!("{unverified}[0].querySelector('.unverified').title.includes('The server does not know who sent this')")).await;
    // What is sent now has a sender, whom the server names.
    store(&server, "alice", "bob", r#"{"text":"new"}"#).await;
    bob.open("alice").await;
    bob.until("[...document.querySelectorAll('.message .text')].at(-1)?.textContent === 'new'").await;
    bob.until("[...document.querySelectorAll('.message')].at(-1).querySelector('.unverified') === null")
        .await;
    bob.had_no_trouble();
}
