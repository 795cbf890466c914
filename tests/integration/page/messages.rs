//! Messages between two people.

use test_support::{Chromium, require};
use tests::Tidings;

use super::person::Person;

#[tokio::test]
async fn messages_arrive_at_once_and_show_their_delivery() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    let bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    alice.open("Bob").await;
    alice.say("Hello Bob").await;
    bob.sees_unread("direct:Alice", "1").await;
    bob.until("document.title.startsWith('(1) ')").await;
    bob.open("Alice").await;
    bob.sees(&["Hello Bob"]).await;
    bob.until("!document.title.startsWith('(')").await;
    bob.say("Hello Alice").await;
    bob.say("How are you? 🌊 سلام").await;
    let all = ["Hello Bob", "Hello Alice", "How are you? 🌊 سلام"];
    alice.sees(&all).await;
    bob.sees(&all).await;
    alice.all_are("Delivered").await;
    bob.all_are("Delivered").await;
    // What arrives is read out, what one wrote is not.
    alice.until("document.querySelector('#spoken').textContent === 'Bob: How are you? 🌊 سلام'").await;
    alice.had_no_trouble();
    bob.had_no_trouble();
    let own = server.url("");
    let elsewhere =
        |address: &String| !address.starts_with(&own) && !address.starts_with(&own.replace("http", "ws"));
    let foreign: Vec<String> = alice.page.requests().into_iter().filter(elsewhere).collect();
    assert!(foreign.is_empty(), "something was loaded from elsewhere: {foreign:?}");
}

#[tokio::test]
async fn a_message_to_somebody_who_is_away_is_sent_and_then_delivered() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    alice.write_to("Carol").await;
    alice.say("Are you there?").await;
    alice.all_are("Sent").await;
    let carol = Person::enter(&chromium.profile().await.unwrap(), &server, "Carol").await;
    carol.sees_unread("direct:Alice", "1").await;
    alice.all_are("Delivered").await;
    // The state is remembered, and a reload comes back to the open conversation.
    alice.page.reload().await.unwrap();
    alice.sees(&["Are you there?"]).await;
    alice.all_are("Delivered").await;
}

#[tokio::test]
async fn a_refused_message_says_so_and_can_be_discarded() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start_with(&["--body-bytes=1024"]);
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    alice.write_to("Bob").await;
    let long = "long ".repeat(300);
    alice.say(&long).await;
    alice.say("short").await;
    alice.until("document.querySelectorAll('.message.is-failed').length === 1").await;
    alice.until("document.querySelector('.message.is-failed .word').textContent === 'Not sent'").await;
    // What comes after it is not held up.
    alice.until("[...document.querySelectorAll('.delivery')].some(state => state.title === 'Sent')").await;
    alice.page.click(".message.is-failed .choices button:nth-child(2)").await.unwrap();
    alice.sees(&["short"]).await;
}
