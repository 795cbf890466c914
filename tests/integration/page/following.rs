//! An open conversation stays at its newest message.

use serde_json::json;
use test_support::{Chromium, require};
use tests::Tidings;

use super::isolation::store;
use super::person::Person;

fn message(text: &str) -> String {
    json!({ "id": text, "from": "Bob", "to": "Alice", "text": text, "at": 1_790_000_000_000_u64 }).to_string()
}

#[tokio::test]
async fn two_messages_within_one_frame_are_followed() {
    const PAIRS: usize = 25;
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    for number in 0..30 {
        store(&server, "Bob", "Alice", &message(&format!("line {number}"))).await;
    }
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    alice.open("Bob").await;
    alice.until("document.querySelectorAll('.message').length === 30").await;
    // The button to the newest message shows itself when the view has stopped following.
    let watch = "(() => { window.stopped = 0; const jump = document.querySelector('#jump');
        new MutationObserver(() => { if (!jump.hidden) { window.stopped += 1; jump.click(); } }).observe(jump, { attributes: true });
        return true; })()";
    assert_eq!(alice.value(watch).await, true);
    for number in 0..PAIRS {
        store(&server, "Bob", "Alice", &message(&format!("first {number}"))).await;
        store(&server, "Bob", "Alice", &message(&format!("second {number}"))).await;
    }
    let newest = format!(
        "[...document.querySelectorAll('#messages .text')].at(-1).textContent === 'second {}'",
        PAIRS - 1
    );
    alice.until(&newest).await;
    // Two frames on, whatever the last message set off has happened.
    alice.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(done))))").await;
    assert_eq!(alice.value("window.stopped").await, 0, "times that the view stopped following");
    let bottom =
        "(log => log.scrollHeight - log.scrollTop - log.clientHeight < 2)(document.querySelector('#log'))";
    alice.until(bottom).await;
    alice.had_no_trouble();
}

#[tokio::test]
async fn who_scrolls_up_is_not_torn_back_by_what_is_painted_in_that_moment() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    for number in 0..60 {
        store(&server, "Bob", "Alice", &message(&format!("line {number}"))).await;
    }
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    alice.open("Bob").await;
    alice.until("document.querySelectorAll('.message').length === 60").await;
    let bottom =
        "(log => log.scrollHeight - log.scrollTop - log.clientHeight < 2)(document.querySelector('#log'))";
    alice.until(bottom).await;
    // Within one frame, so that the page grows before it hears of the scrolling.
    let torn = "new Promise(done => requestAnimationFrame(() => {
        const log = document.querySelector('#log');
        log.scrollTop -= 600;
        const wanted = log.scrollTop;
        document.querySelector('#messages').style.paddingBottom = '1px';
        requestAnimationFrame(() => requestAnimationFrame(() => done(Math.abs(log.scrollTop - wanted))));
    }))";
    assert_eq!(alice.value(torn).await, 0, "pixels between where Alice scrolled to and where she is");
    alice.until("!document.querySelector('#jump').hidden").await;
    alice.page.click("#jump").await.unwrap();
    alice.until(bottom).await;
    alice.had_no_trouble();
}
