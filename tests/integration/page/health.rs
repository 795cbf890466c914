//! A server that is connected and takes no messages.

use test_support::{Chromium, require};
use tests::Tidings;

use super::person::Person;

const SENDING: &str = "document.querySelector('#banner [data-trouble=sending]')";

#[tokio::test]
async fn a_server_that_takes_no_messages_says_why_and_gets_what_waits_when_it_is_well() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start_on_a_small_disk();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    let bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    bob.open("Alice").await;
    alice.open("Bob").await;
    alice.say("one").await;
    bob.sees(&["one"]).await;
    server.limit_files(Some(1));
    alice.say("two").await;
    alice.say("three").await;
    // The connection stands all the while; what it is worth is said, with the reason and what waits.
    alice
        .until("document.querySelector('#connection-word').textContent === 'Messages are not taken now'")
        .await;
    alice.until(&format!("{SENDING}.textContent.includes('The server takes no messages now: ')")).await;
    alice.until(&format!("{SENDING}.textContent.includes('File too large')")).await;
    alice.until(&format!("{SENDING}.textContent.includes('2 messages wait in this browser')")).await;
    alice.until("[...document.querySelectorAll('.delivery')].filter(state => state.title === 'Waiting').length === 2").await;
    server.limit_files(None);
    bob.sees(&["one", "two", "three"]).await;
    alice.all_are("Delivered").await;
    alice.until(&format!("{SENDING} === null")).await;
    alice.until("document.querySelector('#connection-word').textContent === 'Connected'").await;
}
