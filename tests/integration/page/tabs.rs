//! Several tabs of one person.

use test_support::{Chromium, require};
use tests::Tidings;

use super::person::Person;

#[tokio::test]
async fn both_tabs_show_everything_once_and_share_what_is_read() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    let profile = chromium.profile().await.unwrap();
    let first = Person::enter(&profile, &server, "Alice").await;
    let second = Person::enter(&profile, &server, "Alice").await;
    bob.open("Alice").await;
    bob.say("hello both").await;
    first.sees_unread("direct:Bob", "1").await;
    second.sees_unread("direct:Bob", "1").await;
    first.open("Bob").await;
    first.sees(&["hello both"]).await;
    second.sees_unread("direct:Bob", "").await;
    // What one tab says the other shows, with its state.
    second.open("Bob").await;
    first.say("from the first").await;
    second.say("from the second").await;
    for person in [&first, &second, &bob] {
        person.until("document.querySelectorAll('.message').length === 3").await;
    }
    assert_eq!(first.texts().await, bob.texts().await);
    assert_eq!(second.texts().await, bob.texts().await);
    first.all_are("Delivered").await;
    second.all_are("Delivered").await;
}

const PENDING: &str = "document.querySelectorAll('.message.is-mine').length";
const OUTBOX: &str = "JSON.parse(localStorage.getItem('tidings:1:Alice:outbox') ?? '[]')";

#[tokio::test]
async fn what_a_closed_tab_has_not_sent_one_other_tab_takes_over() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let mut server = Tidings::start();
    let bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    let profile = chromium.profile().await.unwrap();
    let first = Person::enter(&profile, &server, "Alice").await;
    let second = Person::enter(&profile, &server, "Alice").await;
    let third = Person::enter(&profile, &server, "Alice").await;
    for tab in [&first, &second, &third] {
        tab.open("Bob").await;
    }
    server.kill();
    for tab in [&first, &second, &third] {
        tab.disconnected().await;
    }
    first.say("left behind").await;
    first.sees(&["left behind"]).await;
    second.say("my own").await;
    second.sees(&["my own"]).await;
    // As long as it is there it is for the first one to send.
    assert_eq!(third.value(PENDING).await, 0);
    first.page.close().await.unwrap();
    let begun = std::time::Instant::now();
    loop {
        let (second, third) = (second.value(PENDING).await, third.value(PENDING).await);
        let all = second.as_u64().unwrap() + third.as_u64().unwrap();
        assert!(all <= 2, "both have taken it over: {second} and {third}");
        if all == 2 {
            break;
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "nobody takes it over");
    }
    server.start_again();
    bob.open("Alice").await;
    bob.until("document.querySelectorAll('.message').length === 2").await;
    for tab in [&second, &third] {
        tab.until(&format!("{PENDING} === 2")).await;
        tab.all_are("Delivered").await;
        tab.until(&format!("{OUTBOX}.length === 0")).await;
    }
    let stored: serde_json::Value =
        reqwest::get(server.url("/timeline/sync?member=Bob&count=1000")).await.unwrap().json().await.unwrap();
    assert_eq!(stored["latestSeq"], "2");
}

/// What another tab wrote at the same moment, as the browser tells it.
fn written_over(key: &str, value: &str) -> String {
    format!(
        "(() => {{ const [key, newValue] = ['tidings:1:Alice:{key}', JSON.stringify({value})];
            localStorage.setItem(key, newValue);
            dispatchEvent(new StorageEvent('storage', {{ key, newValue, storageArea: localStorage }})); return true; }})()"
    )
}

#[tokio::test]
async fn a_tab_that_writes_at_the_same_time_takes_nothing_from_the_outbox() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let mut server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    alice.write_to("Bob").await;
    alice.say("sent").await;
    alice.all_are("Sent").await;
    server.kill();
    alice.disconnected().await;
    alice.say("precious").await;
    alice.until(&format!("{OUTBOX}.length === 1")).await;
    // The other tab has not seen it, and has one of its own, which it holds.
    alice
        .value("(navigator.locks.request('tidings:1:Alice:tab:other', () => new Promise(() => {})), true)")
        .await;
    alice.until("(globalThis.seen ??= (navigator.locks.query().then(({ held }) => globalThis.held = held.map(({ name }) => name)), 1)) && globalThis.held?.includes('tidings:1:Alice:tab:other')").await;
    let theirs = "[{ id: 'theirs', tab: 'other', key: 'direct:Bob', peer: 'Bob', path: '/timeline/send', fields: { from: 'Alice', to: 'Bob' }, raw: '{}', failed: null }]";
    alice.value(&written_over("outbox", theirs)).await;
    alice.until(&format!("{OUTBOX}.length === 2")).await;
    alice.until(&format!("{OUTBOX}.some(entry => entry.raw.includes('precious'))")).await;
    // What was sent does not come back by what another tab still believes.
    alice.value(&format!("globalThis.kept = {OUTBOX}.find(entry => entry.raw.includes('precious'))")).await;
    server.start_again();
    alice.connected().await;
    alice.all_are("Sent").await;
    alice.until(&format!("{OUTBOX}.length === 1")).await;
    alice.value(&written_over("outbox", &format!("[globalThis.kept, ...{theirs}]"))).await;
    alice.until(&format!("JSON.stringify({OUTBOX}.map(entry => entry.id)) === '[\"theirs\"]'")).await;
    alice.sees(&["sent", "precious"]).await;
}

#[tokio::test]
async fn a_tab_believes_what_another_one_wrote_of_what_is_read() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    bob.open("Alice").await;
    bob.say("hello").await;
    alice.sees_unread("direct:Bob", "1").await;
    let book = "JSON.parse(localStorage.getItem('tidings:1:Alice:book'))";
    alice.until(&format!("{book}?.cursor === 1")).await;
    // Another tab has read it, and this one wrote over that at the same moment: the event has what
    // the storage has not.
    alice
        .value(&format!(
            "(() => {{ const theirs = {book}; for (const entry of theirs.conversations) Object.assign(entry, {{ read: 1, unread: [] }});
                dispatchEvent(new StorageEvent('storage', {{ key: 'tidings:1:Alice:book', newValue: JSON.stringify(theirs) }})); return true; }})()"
        ))
        .await;
    alice.sees_unread("direct:Bob", "").await;
    // And what another tab did not know is written again.
    alice.value(&written_over("book", &format!("(() => {{ const theirs = {book}; theirs.cursor = 0; for (const entry of theirs.conversations) entry.read = 0; return theirs; }})()"))).await;
    alice.until(&format!("{book}.cursor === 1 && {book}.conversations.every(entry => entry.key !== 'direct:Bob' || entry.read === 1)")).await;
}
