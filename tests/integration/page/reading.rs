//! What is read, on all devices of a person and to the other one.

use std::time::Duration;

use serde_json::{Value, json};
use test_support::{Chromium, require};
use tests::Tidings;
use tokio::time::timeout;

use super::isolation::store;
use super::person::Person;

/// The text behind the line that parts what is new, or `null` without a line.
const BEHIND_LINE: &str = "(line => { for (let node = line; (node &&= node.nextElementSibling);)
    if (node.matches('.message')) return node.querySelector('.text').textContent;
    return null; })(document.querySelector('.unread-line'))";

fn message(from: &str, to: &str, text: &str) -> String {
    json!({ "id": text, "from": from, "to": to, "text": text, "at": 1_790_000_000_000_u64 }).to_string()
}

/// Waits until the server knows that Alice has read what she and Bob wrote up to this place.
async fn server_knows(server: &Tidings, place: &str) {
    let read = async || {
        let answer = reqwest::get(server.url("/timeline/unread?member=Alice&with=Bob")).await.unwrap();
        answer.json::<Value>().await.unwrap()["read"].clone()
    };
    let known = async { while read().await != place {} };
    timeout(Duration::from_secs(60), known).await.unwrap();
}

#[tokio::test]
async fn what_one_device_has_read_is_read_on_all_and_the_sender_sees_it() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let phone = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    let desk = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    let bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    bob.open("Alice").await;
    bob.say("one").await;
    bob.say("two").await;
    for device in [&phone, &desk] {
        device.sees_unread("direct:Bob", "2").await;
    }
    bob.all_are("Delivered").await;
    phone.open("Bob").await;
    phone.sees(&["one", "two"]).await;
    desk.sees_unread("direct:Bob", "").await;
    desk.until("!document.title.startsWith('(')").await;
    bob.all_are("Read").await;
    server_knows(&server, "2").await;

    // What comes while it is on the screen is read at once.
    bob.say("three").await;
    phone.sees(&["one", "two", "three"]).await;
    bob.all_are("Read").await;
    desk.sees_unread("direct:Bob", "").await;
    for person in [&phone, &desk, &bob] {
        person.had_no_trouble();
    }
}

#[tokio::test]
async fn whoever_answers_has_read_what_was_written_before_and_an_open_page_says_so() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    alice.write_to("Bob").await;
    alice.say("one").await;
    alice.all_are("Sent").await;
    // Bob has no page, and his program tells nobody what it has read.
    store(&server, "Bob", "Alice", &message("Bob", "Alice", "answer")).await;
    alice.sees(&["one", "answer"]).await;
    alice.all_are("Read").await;
    // What comes behind his answer he has not read.
    alice.say("two").await;
    let states = "[...document.querySelectorAll('.message.is-mine .delivery')].map(state => state.title)";
    alice.until(&format!("JSON.stringify({states}) === '[\"Read\",\"Sent\"]'")).await;
    alice.had_no_trouble();
}

#[tokio::test]
async fn a_line_parts_what_is_new_from_what_was_read() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    store(&server, "Bob", "Alice", &message("Bob", "Alice", "old")).await;
    alice.open("Bob").await;
    alice.sees(&["old"]).await;
    alice.sees_unread("direct:Bob", "").await;
    // The message was there before the conversation was opened, so it was new.
    alice.until(&format!("{BEHIND_LINE} === 'old'")).await;
    alice.page.press("Escape").await.unwrap();
    alice.until("!document.querySelector('#talk').classList.contains('has-talk')").await;
    for text in ["new", "newer"] {
        store(&server, "Bob", "Alice", &message("Bob", "Alice", text)).await;
    }
    alice.sees_unread("direct:Bob", "2").await;
    alice.open("Bob").await;
    alice.sees(&["old", "new", "newer"]).await;
    alice.until(&format!("{BEHIND_LINE} === 'new'")).await;
    // An answer shows that all of it was read.
    alice.say("answer").await;
    alice.until("document.querySelector('.unread-line') === null").await;
    alice.had_no_trouble();
}

#[tokio::test]
async fn a_reader_who_has_scrolled_up_has_not_read_what_comes() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    for number in 0..60 {
        store(&server, "Bob", "Alice", &message("Bob", "Alice", &format!("line {number}"))).await;
    }
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    alice.open("Bob").await;
    alice.until("document.querySelectorAll('.message').length === 60").await;
    server_knows(&server, "60").await;
    alice.value("document.querySelector('#log').scrollTop = 0").await;
    alice.until("!document.querySelector('#jump').hidden").await;
    store(&server, "Bob", "Alice", &message("Bob", "Alice", "below")).await;
    alice.sees_unread("direct:Bob", "1").await;
    server_knows(&server, "60").await;
    alice.page.click("#jump").await.unwrap();
    alice.sees_unread("direct:Bob", "").await;
    alice.until(&format!("{BEHIND_LINE} === 'below'")).await;
    alice.had_no_trouble();
}

#[tokio::test]
async fn what_was_read_while_a_device_was_away_is_read_there_when_it_comes_back() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let (at_home, on_the_way) = (chromium.profile().await.unwrap(), chromium.profile().await.unwrap());
    let desk = Person::enter(&at_home, &server, "Alice").await;
    store(&server, "Bob", "Alice", &message("Bob", "Alice", "one")).await;
    desk.sees_unread("direct:Bob", "1").await;
    desk.page.offline(true).await.unwrap();
    desk.disconnected().await;
    let phone = Person::enter(&on_the_way, &server, "Alice").await;
    phone.sees_unread("direct:Bob", "1").await;
    phone.open("Bob").await;
    phone.sees(&["one"]).await;
    phone.sees_unread("direct:Bob", "").await;
    desk.page.offline(false).await.unwrap();
    desk.connected().await;
    desk.sees_unread("direct:Bob", "").await;
}
