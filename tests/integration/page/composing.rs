//! What is typed, pasted and composed.

use serde_json::json;
use test_support::{Chromium, require};
use tests::Tidings;

use super::person::Person;

#[tokio::test]
async fn a_paste_that_is_too_long_is_neither_cut_nor_sent() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    alice.write_to("Bob").await;
    let long = "word ".repeat(1_800);
    alice.say(&long).await;
    alice.until("document.querySelector('#composer-hint').textContent.startsWith('Too long to send: 8,999 characters')").await;
    assert_eq!(alice.value("document.querySelector('#text').value").await, json!(long));
    assert_eq!(alice.value("document.querySelector('#send').disabled").await, true);
    // Shortened, it goes.
    let short = "word ".repeat(1_500);
    alice.say(&short).await;
    alice.sees(&[short.trim()]).await;
    alice.all_are("Sent").await;
    alice.until("document.querySelector('#composer-hint').textContent === ''").await;
    alice.had_no_trouble();
}

#[tokio::test]
async fn enter_that_ends_a_composition_does_not_send() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    alice.write_to("Bob").await;
    alice.page.fill("#text", "にほん").await.unwrap();
    // Safari ends the composition before it tells the key, which has the code 229 then; others tell
    // the key first.
    let ends = "(field => {
        const key = (more) => field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', code: 'Enter', bubbles: true, cancelable: true, ...more }));
        const end = () => field.dispatchEvent(new CompositionEvent('compositionend', { data: 'にほん', bubbles: true }));
        end(); key({ keyCode: 229, isComposing: false });
        key({ keyCode: 229, isComposing: true }); end();
        key({ keyCode: 13, isComposing: true }); end();
        return field.value;
    })";
    assert_eq!(alice.value(&format!("{ends}(document.querySelector('#text'))")).await, "にほん");
    alice.page.press("Enter").await.unwrap();
    alice.sees(&["にほん"]).await;

    // The same in the other fields where Enter means something.
    alice.page.fill("#search", "ボブ").await.unwrap();
    alice.value(&format!("{ends}(document.querySelector('#search'))")).await;
    alice.page.click("#new-group").await.unwrap();
    alice.page.fill("#group-person", "ボブ").await.unwrap();
    assert_eq!(alice.value(&format!("{ends}(document.querySelector('#group-person'))")).await, "ボブ");
    assert_eq!(alice.value("document.querySelectorAll('#group-people input').length").await, 1);
    alice.until("document.querySelector('#talk-title').textContent === 'Bob'").await;
    alice.had_no_trouble();
}

#[tokio::test]
async fn names_are_taken_in_one_spelling() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    // Written with a letter and a mark behind it, and with spaces around.
    let zoe = Person::enter(&chromium.profile().await.unwrap(), &server, "  Zoe\u{308} ").await;
    zoe.until("document.querySelector('#me').textContent === 'Zo\u{eb}'").await;
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    alice.sees_online("Zo\u{eb}", true).await;
    alice.page.fill("#search", " zoe\u{308}  ").await.unwrap();
    alice.until("document.querySelectorAll('#list button[data-key=\"direct:Zo\u{eb}\"]').length === 1").await;
    alice.page.fill("#search", " Zoe\u{308}  ").await.unwrap();
    alice.until("document.querySelectorAll('#list button').length === 1").await;
    alice.page.press("Enter").await.unwrap();
    alice.say("found you").await;
    zoe.sees_unread("direct:Alice", "1").await;
    // A group is made of the same people.
    alice.page.click("#new-group").await.unwrap();
    alice.page.fill("#group-name", " Cafe\u{301}  society ").await.unwrap();
    alice.page.fill("#group-person", " Zoe\u{308}").await.unwrap();
    alice.page.click("#gather .primary").await.unwrap();
    alice.until("document.querySelector('#talk-title').textContent === 'Caf\u{e9} society'").await;
    alice.until("document.querySelector('#talk-detail').textContent === 'Alice, Zo\u{eb}'").await;
}
