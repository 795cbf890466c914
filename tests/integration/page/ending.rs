//! A connection that the server ends for good.

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
