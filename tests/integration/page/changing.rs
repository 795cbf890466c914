//! Messages that get another text, or lose theirs.

use serde_json::json;
use test_support::{Chromium, require};
use tests::Tidings;

use super::person::Person;

/// What stands in the place of messages that are gone.
const GONE: &str = "[...document.querySelectorAll('#messages .gone')].map(line => line.textContent)";
const EDITING: &str = "!document.querySelector('#editing').hidden";

impl Person {
    async fn sees_gone(&self, lines: &[&str]) {
        self.until(&format!("JSON.stringify({GONE}) === JSON.stringify({})", json!(lines))).await;
    }
}

async fn talking(chromium: &Chromium, server: &Tidings) -> (Person, Person) {
    let alice = Person::enter(&chromium.profile().await.unwrap(), server, "Alice").await;
    let bob = Person::enter(&chromium.profile().await.unwrap(), server, "Bob").await;
    alice.open("Bob").await;
    for text in ["one", "two"] {
        alice.say(text).await;
    }
    bob.open("Alice").await;
    bob.sees(&["one", "two"]).await;
    alice.until("document.querySelectorAll('.change-edit').length === 2").await;
    (alice, bob)
}

/// Deletes what Alice and Bob have written to each other.
async fn purge(server: &Tidings) {
    let purge = json!({ "member": "Alice", "with": "Bob" });
    let answer =
        reqwest::Client::new().post(server.url("/timeline/purge")).json(&purge).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

#[tokio::test]
async fn an_edit_is_seen_by_both_and_stays() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let (alice, bob) = talking(&chromium, &server).await;
    assert_eq!(bob.value("document.querySelectorAll('.change').length").await, 0, "Bob wrote nothing");
    alice.page.fill("#text", "begun").await.unwrap();
    alice.value("document.querySelector('.change-edit').click()").await;
    alice.until(EDITING).await;
    assert_eq!(alice.value("document.querySelector('#text').value").await, "one");
    assert_eq!(alice.value("document.querySelector('#send').getAttribute('aria-label')").await, "Save");
    alice.say("one, mended").await;
    for person in [&alice, &bob] {
        person.sees(&["one, mended", "two"]).await;
        person
            .until("document.querySelector('.message .edited')?.textContent.startsWith('edited ') ?? false")
            .await;
    }
    // What was begun before is there again.
    alice.until(&format!("!({EDITING}) && document.querySelector('#text').value === 'begun'")).await;
    assert_eq!(alice.value("document.querySelector('#send').getAttribute('aria-label')").await, "Send");
    for person in [&alice, &bob] {
        person.page.reload().await.unwrap();
        person.sees(&["one, mended", "two"]).await;
        person.until("document.querySelectorAll('.message .edited').length === 1").await;
        person.had_no_trouble();
    }
}

#[tokio::test]
async fn a_deleted_message_leaves_a_line_and_is_not_unread() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let (alice, bob) = talking(&chromium, &server).await;
    bob.page.press("Escape").await.unwrap();
    bob.until("!document.querySelector('#talk').classList.contains('has-talk')").await;
    alice.say("a slip").await;
    bob.sees_unread("direct:Alice", "1").await;
    alice.until("document.querySelectorAll('.change-remove').length === 3").await;
    let last = "[...document.querySelectorAll('.change-remove')].at(-1)";
    // Whoever is asked can still keep it.
    alice.value(&format!("{last}.click()")).await;
    alice.until("document.querySelector('#withdrawal').open").await;
    alice.until("document.querySelector('#withdrawal-text').textContent === 'a slip'").await;
    alice.page.click("#withdrawal-keep").await.unwrap();
    alice.sees(&["one", "two", "a slip"]).await;
    alice.value(&format!("{last}.click()")).await;
    alice.page.click("#withdrawal-delete").await.unwrap();
    alice.sees_gone(&["You deleted this message"]).await;
    alice.sees(&["one", "two"]).await;
    bob.sees_unread("direct:Alice", "").await;
    bob.until("document.querySelector('#list .row-preview').textContent === 'This message was deleted by its sender'").await;
    bob.open("Alice").await;
    bob.sees_gone(&["This message was deleted by its sender"]).await;
    bob.page.reload().await.unwrap();
    bob.sees_gone(&["This message was deleted by its sender"]).await;
    for person in [&alice, &bob] {
        // The words are nowhere any more, on the screen or kept.
        person.until("!document.body.textContent.includes('a slip') && !Object.values(localStorage).some(kept => kept.includes('a slip'))").await;
        person.had_no_trouble();
    }
}

#[tokio::test]
async fn messages_are_changed_by_keyboard_alone() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let (alice, bob) = talking(&chromium, &server).await;
    // The newest one by an arrow, and out of it again.
    alice.page.press("ArrowUp").await.unwrap();
    alice.until(&format!("{EDITING} && document.querySelector('#text').value === 'two'")).await;
    alice.page.press("Escape").await.unwrap();
    alice.until(&format!("!({EDITING}) && document.querySelector('#text').value === ''")).await;
    assert_eq!(alice.value("document.querySelector('#talk').classList.contains('has-talk')").await, true);
    // The buttons of one message are stops of the tab key; arrows lead to those of others.
    alice.page.press("Shift+Tab").await.unwrap();
    alice.until("document.activeElement.getAttribute('aria-label') === 'Delete: two'").await;
    alice.page.press("ArrowUp").await.unwrap();
    alice.until("document.activeElement.getAttribute('aria-label') === 'Delete: one'").await;
    alice.page.press("Enter").await.unwrap();
    alice.until("document.querySelector('#withdrawal').open").await;
    alice.page.press("Escape").await.unwrap();
    alice.until("!document.querySelector('#withdrawal').open").await;
    alice.until("document.activeElement.getAttribute('aria-label') === 'Delete: one'").await;
    alice.page.press("Shift+Tab").await.unwrap();
    alice.until("document.activeElement.getAttribute('aria-label') === 'Edit: one'").await;
    alice.page.press("Enter").await.unwrap();
    alice.until(EDITING).await;
    alice.say("one by key").await;
    bob.sees(&["one by key", "two"]).await;
    alice.had_no_trouble();
}

#[tokio::test]
async fn what_a_purge_removed_is_said_at_the_top() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let (alice, bob) = talking(&chromium, &server).await;
    purge(&server).await;
    for person in [&alice, &bob] {
        person.sees(&[]).await;
    }
    alice.say("a new beginning").await;
    for person in [&alice, &bob] {
        person.sees(&["a new beginning"]).await;
        person
            .until("document.querySelector('.edge').textContent === 'Older messages were removed from this conversation.'")
            .await;
        person.had_no_trouble();
    }
}

#[tokio::test]
async fn what_retention_removed_is_said_at_the_top() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start_with(&["--retention=pairs=3"]);
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    alice.write_to("Bob").await;
    for text in ["one", "two", "three", "four", "five"] {
        alice.say(text).await;
    }
    alice.all_are("Sent").await;
    let bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    bob.open("Alice").await;
    bob.sees(&["three", "four", "five"]).await;
    bob.until(
        "document.querySelector('.edge').textContent === 'Older messages were removed from this conversation.'",
    )
    .await;
    for person in [&alice, &bob] {
        person.had_no_trouble();
    }
}

#[tokio::test]
async fn what_came_after_a_purge_is_unread_to_whoever_was_away() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    alice.write_to("Bob").await;
    alice.say("before").await;
    alice.until("document.querySelectorAll('.change-edit').length === 1").await;
    purge(&server).await;
    alice.sees(&[]).await;
    alice.say("after").await;
    alice.until("document.querySelectorAll('.change-edit').length === 1").await;
    let bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    // The server counts before the inbox tells of the purge: by now Bob has read that, too.
    alice.all_are("Delivered").await;
    bob.sees_unread("direct:Alice", "1").await;
    bob.open("Alice").await;
    bob.sees(&["after"]).await;
    bob.until("document.querySelector('.unread-line') !== null").await;
    for person in [&alice, &bob] {
        person.had_no_trouble();
    }
}
