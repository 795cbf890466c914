//! A connection that the server ends for good.

use serde_json::{Value, json};
use test_support::{Chromium, Viewport, require};
use tests::Tidings;

use super::person::Person;

/// Lets the test say something over the page's own connection.
const LISTEN_IN: &str = "(() => {
    const send = WebSocket.prototype.send;
    WebSocket.prototype.send = function (data) { window.hub = this; return send.call(this, data); };
    return true;
})()";

const STATE: &str = "document.querySelector('#connection').dataset.state";

/// Alice, on a page whose WebSocket a test can write to.
async fn listened_in(chromium: &Chromium, server: &Tidings) -> Person {
    let page = chromium.profile().await.unwrap().page().await.unwrap();
    page.open(&server.url("/")).await.unwrap();
    page.evaluate::<bool>(LISTEN_IN).await.unwrap();
    Person::come_in(page, "Alice").await
}

#[tokio::test]
async fn a_phone_with_an_open_conversation_offers_the_way_back() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = listened_in(&chromium, &server).await;
    let _bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    alice.page.viewport(Viewport::PHONE).await.unwrap();
    alice.open("Bob").await;
    alice.value("(window.hub.send(new Uint8Array([9])), true)").await;
    alice.until(&format!("{STATE} === 'ended'")).await;
    // The list, and the button below it, are not there.
    alice.until("document.querySelector('#connection').offsetWidth === 0").await;
    let within =
        "(() => { const { left, right } = document.querySelector('#banner .act').getBoundingClientRect();
        return left >= 0 && right <= innerWidth; })()";
    alice.until(within).await;
    alice.page.click("#banner [data-trouble=sending] .act").await.unwrap();
    alice.connected().await;
    alice.until("document.querySelector('#banner').textContent === ''").await;
}

#[tokio::test]
async fn a_page_that_is_sent_away_comes_back_when_its_user_wants_it() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = listened_in(&chromium, &server).await;
    let bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    bob.open("Alice").await;

    // Something that is no message, as a page of another version might send.
    alice.value("(window.hub.send(new Uint8Array([9])), true)").await;
    alice.until(&format!("{STATE} === 'ended'")).await;
    alice.until("document.body.textContent.includes('invalid payload (code 1007)')").await;
    // What brings a page back whose connection was lost does not bring this one back.
    alice
        .value("(dispatchEvent(new Event('online')), document.dispatchEvent(new Event('visibilitychange')), true)")
        .await;
    assert_eq!(alice.value(STATE).await, "ended");

    bob.say("are you there?").await;
    alice.page.click("#connection").await.unwrap();
    alice.connected().await;
    alice.sees_unread("direct:Bob", "1").await;
    alice.until("!document.body.textContent.includes('code 1007')").await;
}

/// Has the page believe that the server ended the connection with this code; returns what it then
/// does.
async fn ended_with(alice: &Person, code: u16) -> Value {
    let close = format!("new CloseEvent('close', {{ code: {code}, reason: 'a test wants it' }})");
    // In one step: a page that comes back at once does so before the next.
    alice.value(&format!("(window.hub.dispatchEvent({close}), {STATE})")).await
}

#[tokio::test]
async fn after_a_code_that_it_does_not_know_the_page_does_what_the_range_says() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = listened_in(&chromium, &server).await;
    // No version has given these numbers to anything.
    for code in [4099, 4399, 4444, 4999] {
        assert_eq!(ended_with(&alice, code).await, "ended", "{code}");
        alice.until(&format!("document.body.textContent.includes('(code {code})')")).await;
        alice.page.click("#banner [data-trouble=sending] .act").await.unwrap();
        alice.connected().await;
    }
    for code in [3999, 4199, 4299] {
        assert_eq!(ended_with(&alice, code).await, "waiting", "{code}");
        alice.connected().await;
    }
}

#[tokio::test]
async fn coming_back_at_once_is_without_a_delay_but_not_in_circles() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let page = chromium.page().await.unwrap();
    page.open(&server.url("/")).await.unwrap();
    let expression = "Promise.all([import('/assets/reconnect.js'), import('/assets/backoff.js')]).then(([{ reconnectOf }, { Backoff }]) => {
        const backoff = new Backoff();
        const [first, second] = [backoff.atOnce(), backoff.atOnce()];
        backoff.reset();
        return [first === 0, second > 0, backoff.atOnce() === 0, ...[1000, 1006, 4000, 4100, 4200, 4300].map(reconnectOf)];
    })";
    let answer: Value = page.evaluate(expression).await.unwrap();
    let expected = json!([true, true, true, "backoff", "backoff", "backoff", "backoff", "at-once", "never"]);
    assert_eq!(answer, expected);
}
