//! Who is online, live.

use std::time::Duration;

use test_support::{Chromium, require};
use tests::Tidings;

use super::person::Person;

#[tokio::test]
async fn people_come_and_go_and_a_reload_is_no_going() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start_with(&["--presence-grace=20s"]);
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    alice.until("!document.querySelector('#list-empty').hidden").await;
    let profile = chromium.profile().await.unwrap();
    let bob = Person::enter(&profile, &server, "Bob").await;
    alice.sees_online("Bob", true).await;
    alice.until("document.querySelector('#people-count').textContent === '2 online'").await;
    alice.open("Bob").await;
    alice.until("document.querySelector('#talk-detail').textContent === 'Online'").await;

    // Within the grace nobody hears of it: the page would have shown a change of Bob's row.
    let watch = "new MutationObserver(() => (window.flickered ||= !document.querySelector('[data-key=\"direct:Bob\"]')
        .parentElement.classList.contains('is-online'))).observe(document.querySelector('#list'),
        { subtree: true, attributes: true, childList: true }), true";
    alice.value(watch).await;
    bob.page.reload().await.unwrap();
    bob.connected().await;
    bob.open("Alice").await;
    bob.say("back").await;
    alice.sees(&["back"]).await;
    assert_eq!(alice.value("window.flickered ?? false").await, false);

    profile.close().await.unwrap();
    alice.sees_online("Bob", false).await;
    alice.until("document.querySelector('#talk-detail').textContent.startsWith('Offline')").await;
}

#[tokio::test]
async fn somebody_with_two_tabs_is_online_until_the_last_is_closed() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start_with(&["--presence-grace=50ms"]);
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    let profile = chromium.profile().await.unwrap();
    let first = Person::enter(&profile, &server, "Bob").await;
    let second = Person::enter(&profile, &server, "Bob").await;
    alice.open("Bob").await;
    first.page.close().await.unwrap();
    // The server has seen the first tab go once its connection is not counted any more.
    let connections = async || {
        let text = reqwest::get(server.url("/metrics")).await.unwrap().text().await.unwrap();
        text.contains("tidings_hub_connections 2")
    };
    let gone = async { while !connections().await {} };
    tokio::time::timeout(Duration::from_secs(60), gone).await.unwrap();
    second.say_to("Alice", "still here").await;
    alice.sees(&["still here"]).await;
    alice.sees_online("Bob", true).await;
    second.page.close().await.unwrap();
    alice.sees_online("Bob", false).await;
}

#[tokio::test]
async fn whoever_is_away_was_last_seen_at_a_time_in_the_head() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start_with(&["--presence-grace=50ms"]);
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    let detail = "document.querySelector('#talk-detail').textContent";
    alice.write_to("Carol").await;
    alice.until(&format!("{detail} === 'Offline. Messages wait for their return.'")).await;
    let profile = chromium.profile().await.unwrap();
    for _ in 0..2 {
        let bob = Person::enter(&profile, &server, "Bob").await;
        alice.open("Bob").await;
        alice.until(&format!("{detail} === 'Online'")).await;
        bob.page.close().await.unwrap();
        alice.until(&format!("/^Offline, last seen (today|yesterday) at /u.test({detail})")).await;
    }
    alice.had_no_trouble();
}

impl Person {
    async fn say_to(&self, peer: &str, text: &str) {
        self.open(peer).await;
        self.say(text).await;
    }
}
