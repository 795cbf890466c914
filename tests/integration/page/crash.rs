//! The server killed with -9 under open pages.

use serde_json::Value;
use test_support::{Chromium, require};
use tests::Tidings;

use super::person::Person;

#[tokio::test]
async fn a_crash_under_sends_loses_nothing_and_shows_nothing_twice() {
    const SENDS: usize = 40;
    let Some(chromium) = require(Chromium::start().await) else { return };
    let mut server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    let bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    bob.open("Alice").await;
    alice.open("Bob").await;
    let texts: Vec<String> = (0..SENDS).map(|number| format!("message {number}")).collect();
    for (number, text) in texts.iter().enumerate() {
        alice.say(text).await;
        match number {
            // In the middle of what was just sent, twice.
            10 | 30 => server.kill(),
            20 => server.start_again(),
            _ => {}
        }
    }
    server.start_again();
    let expected: Vec<&str> = texts.iter().map(String::as_str).collect();
    bob.sees(&expected).await;
    alice.sees(&expected).await;
    alice.all_are("Delivered").await;
    let stored: Value =
        reqwest::get(server.url("/timeline/sync?member=Bob&count=1000")).await.unwrap().json().await.unwrap();
    assert_eq!(stored["latestSeq"], SENDS.to_string());
    assert_eq!(alice.texts().await, bob.texts().await);
    // And nothing of it depends on what the pages had in mind.
    bob.page.reload().await.unwrap();
    bob.sees(&expected).await;
}

#[tokio::test]
async fn what_was_not_sent_survives_the_closing_of_the_page() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let mut server = Tidings::start();
    let profile = chromium.profile().await.unwrap();
    let alice = Person::enter(&profile, &server, "Alice").await;
    alice.write_to("Bob").await;
    alice.say("before").await;
    alice.all_are("Sent").await;
    server.kill();
    alice.disconnected().await;
    alice.say("during").await;
    alice.page.close().await.unwrap();
    server.start_again();
    let alice = Person::enter(&profile, &server, "Alice").await;
    alice.open("Bob").await;
    alice.sees(&["before", "during"]).await;
    alice.all_are("Sent").await;
    let bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    bob.open("Alice").await;
    bob.sees(&["before", "during"]).await;
}

#[tokio::test]
async fn a_server_with_another_store_is_noticed() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let mut server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    let bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    alice.open("Bob").await;
    for text in ["one", "two", "three"] {
        alice.say(text).await;
    }
    bob.sees_unread("direct:Alice", "3").await;
    server.kill();
    std::fs::remove_dir_all(server.data_dir()).unwrap();
    server.start_again();
    bob.connected().await;
    alice.connected().await;
    alice.until("!document.querySelector('#notice').hidden").await;
    alice.open("Bob").await;
    // Its sequences begin again at 1, below what Bob's page had read of the other store.
    alice.say("new").await;
    bob.open("Alice").await;
    bob.sees(&["new"]).await;
}
