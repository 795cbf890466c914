//! A server that is connected and takes no messages.

use test_support::{Chromium, require};
use tests::Tidings;

use super::person::Person;

const SENDING: &str = "document.querySelector('#banner [data-trouble=sending]')";

#[tokio::test]
async fn a_server_that_takes_no_messages_says_why_and_gets_what_waits_when_it_is_well() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    let bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    bob.open("Alice").await;
    alice.open("Bob").await;
    alice.say("one").await;
    bob.sees(&["one"]).await;
    server.limit_files(Some(1));
    alice.say("two").await;
    alice.say("three").await;
    // The connection stands all the while; what it is worth is said, with the reason and what
    // waits.
    alice
        .until("document.querySelector('#connection-word').textContent === 'Messages cannot be sent now'")
        .await;
    alice.until(&format!("{SENDING}.textContent.includes('The server takes no messages now: ')")).await;
    alice.until(&format!("{SENDING}.textContent.includes('its files may not grow any more')")).await;
    // Where the server keeps its files is for its operator, who has it in the log.
    let said = alice.value("document.body.textContent").await;
    let path = server.data_dir().to_str().unwrap().to_owned();
    assert!(!said.as_str().unwrap().contains(&path), "the page shows {path}");
    assert!(!said.as_str().unwrap().contains("/timelines"), "the page shows a part of the path");
    alice.until(&format!("{SENDING}.textContent.includes('2 messages wait in this browser')")).await;
    alice.until("[...document.querySelectorAll('.delivery')].filter(state => state.title === 'Waiting').length === 2").await;
    server.limit_files(None);
    bob.sees(&["one", "two", "three"]).await;
    alice.all_are("Delivered").await;
    alice.until(&format!("{SENDING} === null")).await;
    alice.until("document.querySelector('#connection-word').textContent === 'Connected'").await;
}

#[tokio::test]
async fn reasons_for_the_operator_are_plain_sentences_for_users() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let page = chromium.page().await.unwrap();
    page.open(&server.url("/")).await.unwrap();
    for (reason, shown) in [
        (
            "/srv/my data/tidings/timelines cannot be written to: Read-only file system (os error 30)",
            "it fails: Read-only file system",
        ),
        (
            "/srv/tidings cannot be written to: File too large (os error 27): files may not grow any more, \
             check the limit of this process (ulimit -f) and the file system",
            "its files may not grow any more",
        ),
        (
            "the disk of /srv/tidings has 12 MiB left, fewer than the 256 MiB that must stay free; make room on it",
            "its disk is almost full",
        ),
        ("data/timelines cannot be written to: No space left on device (os error 28)", "its disk is full"),
        ("the marker in C:\\tidings\\store is broken", "it fails"),
        ("redis at 10.0.0.7:6379 did not answer within 1s", "it fails"),
        ("in 1 of 16 shards, redis at [::1]:7000 cannot be reached", "it fails"),
        ("no usable redis was found at redis-sentinel://a,b/mymaster", "it fails"),
        ("a message has at most 262144 bytes.", "a message has at most 262144 bytes"),
        ("", "it fails"),
    ] {
        let ask = format!(
            "import('/assets/reason.js').then(reason => reason.plainReason({}, 'it fails'))",
            serde_json::json!(reason)
        );
        page.evaluate::<bool>(&format!(
            "globalThis.answer = null, ({ask}).then(plain => globalThis.answer = plain), true"
        ))
        .await
        .unwrap();
        page.wait_for("globalThis.answer !== null").await.unwrap();
        assert_eq!(page.evaluate::<String>("globalThis.answer").await.unwrap(), shown, "{reason}");
    }
}
