//! What is begun and not sent.

use test_support::{Chromium, require};
use tests::Tidings;

use super::person::Person;
use crate::issuer::Issuer;

const FIELD: &str = "document.querySelector('#text').value";
const KEPT: &str = "(localStorage.getItem('tidings:1:Alice:drafts') ?? '')";

#[tokio::test]
async fn each_conversation_has_a_draft_that_outlasts_a_reload() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    alice.write_to("Bob").await;
    alice.page.fill("#text", "to Bob, begun").await.unwrap();
    alice.write_to("Carol").await;
    alice.until(&format!("{FIELD} === ''")).await;
    alice.page.fill("#text", "to Carol, begun").await.unwrap();
    alice.page.reload().await.unwrap();
    alice.until(&format!("{FIELD} === 'to Carol, begun'")).await;
    alice.write_to("Bob").await;
    alice.until(&format!("{FIELD} === 'to Bob, begun'")).await;
    // What is sent is no draft any more.
    alice.page.press("Enter").await.unwrap();
    alice.sees(&["to Bob, begun"]).await;
    alice.all_are("Sent").await;
    alice.until(&format!("!{KEPT}.includes('Bob') && {KEPT}.includes('to Carol, begun')")).await;
    alice.page.reload().await.unwrap();
    alice.sees(&["to Bob, begun"]).await;
    alice.until(&format!("{FIELD} === ''")).await;
    alice.had_no_trouble();
}

#[tokio::test]
async fn a_draft_goes_with_the_login() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    let alice = Person::sent_by(&issuer, &chromium.profile().await.unwrap(), &server, "alice").await;
    alice.write_to("bob").await;
    alice.page.fill("#text", "a secret, begun").await.unwrap();
    let kept = "Object.values(localStorage).some(kept => kept.includes('a secret'))";
    alice.until(kept).await;
    alice.logs_out().await;
    assert_eq!(alice.value(kept).await, false);
}
