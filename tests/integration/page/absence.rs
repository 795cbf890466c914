//! Away and back: what was missed arrives once, in order.

use test_support::{Chromium, require};
use tests::Tidings;

use super::person::Person;

#[tokio::test]
async fn what_was_missed_arrives_on_return_in_order_and_once() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    let profile = chromium.profile().await.unwrap();
    let bob = Person::enter(&profile, &server, "Bob").await;
    bob.open("Alice").await;
    alice.open("Bob").await;
    alice.say("one").await;
    bob.sees(&["one"]).await;
    // He sees it before he has said so; who leaves in between has not received it.
    alice.all_are("Delivered").await;
    bob.page.close().await.unwrap();
    // A browser says that a page is closed before it is: until then it shows what comes.
    alice.sees_online("Bob", false).await;
    for text in ["two", "three", "four"] {
        alice.say(text).await;
    }
    alice.until("document.querySelectorAll('.icon-check').length === 3").await;
    let bob = Person::enter(&profile, &server, "Bob").await;
    bob.sees_unread("direct:Alice", "3").await;
    bob.open("Alice").await;
    bob.sees(&["one", "two", "three", "four"]).await;
    alice.all_are("Delivered").await;
    // And on a browser that has never seen any of it.
    let elsewhere = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    elsewhere.open("Alice").await;
    elsewhere.sees(&["one", "two", "three", "four"]).await;
}

#[tokio::test]
async fn a_lost_network_comes_back_by_itself() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    let bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    bob.open("Alice").await;
    alice.open("Bob").await;
    bob.page.offline(true).await.unwrap();
    bob.disconnected().await;
    bob.until("document.querySelector('#connection-word').textContent.startsWith('Offline')").await;
    // A phone shows nothing else beside an open conversation.
    bob.until("document.querySelector('#talk-detail').textContent === 'Not connected'").await;
    bob.say("from afar").await;
    alice.say("are you well?").await;
    alice.until("document.querySelectorAll('.icon-check').length === 1").await;
    bob.until("document.querySelector('.message .delivery').title === 'Sending'").await;
    bob.page.offline(false).await.unwrap();
    bob.connected().await;
    bob.sees(&["are you well?", "from afar"]).await;
    alice.sees(&["are you well?", "from afar"]).await;
    alice.all_are("Delivered").await;
    bob.all_are("Delivered").await;
}
