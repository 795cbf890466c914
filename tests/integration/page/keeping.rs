//! What the browser keeps, and what becomes of messages where it keeps nothing.

use serde_json::json;
use test_support::{Chromium, require};
use tests::Tidings;

use super::person::Person;

/// Fills the storage to the last letter, so that nothing of ours fits beside what it has.
const FILL: &str = "(() => { let letters = '';
    for (let more = 1 << 20; more > 0;) {
        try { localStorage.setItem('another program', letters + 'x'.repeat(more)); letters += 'x'.repeat(more); } catch { more >>= 1; }
    }
    return letters.length; })()";
const OUTBOX: &str = "(localStorage.getItem('tidings:1:Alice:outbox') ?? '')";
const STORAGE_SAYS: &str = "document.querySelector('#banner [data-trouble=storage]').textContent";

#[tokio::test]
async fn in_full_storage_what_is_not_sent_takes_the_place_of_what_the_server_has() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let mut server = Tidings::start();
    let profile = chromium.profile().await.unwrap();
    let alice = Person::enter(&profile, &server, "Alice").await;
    alice.write_to("Bob").await;
    alice.say("before").await;
    alice.all_are("Sent").await;
    alice.until("localStorage.getItem('tidings:1:Alice:book')?.includes('before')").await;
    alice.value(FILL).await;
    server.kill();
    alice.disconnected().await;
    alice.say("precious").await;
    alice.until(&format!("{OUTBOX}.includes('precious')")).await;
    // What waits, and why, is said.
    alice.until("document.querySelector('#banner [data-trouble=sending]').textContent.includes('One message waits in this browser')").await;
    alice.page.close().await.unwrap();
    server.start_again();
    let alice = Person::enter(&profile, &server, "Alice").await;
    alice.open_moving("direct:Bob", "Bob").await;
    alice.sees(&["before", "precious"]).await;
    alice.all_are("Sent").await;
    alice.until("document.querySelector('#banner [data-trouble=sending]') === null").await;
}

#[tokio::test]
async fn a_message_that_cannot_be_kept_says_so_and_holds_the_page() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let mut server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    alice.write_to("Bob").await;
    server.kill();
    alice.disconnected().await;
    // Once more when the page has put down what it has: there is no room at all.
    alice.value("localStorage.clear()").await;
    alice.value(FILL).await;
    alice.say("precious").await;
    alice.sees(&["precious"]).await;
    alice.until(&format!("{STORAGE_SAYS}.includes('cannot keep a message that is not sent yet: its storage for this page is full')")).await;
    // Whoever leaves is asked first; a test's browser answers that they stay.
    alice.value("(setTimeout(() => location.reload()), true)").await;
    let asked = async {
        while alice.page.dialogs().is_empty() {
            alice.value("1").await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), asked).await.unwrap();
    alice.sees(&["precious"]).await;
    // It is sent all the same, and then nothing holds the page.
    server.start_again();
    alice.connected().await;
    alice.all_are("Sent").await;
    alice
        .until("!document.querySelector('#banner [data-trouble=storage]')?.textContent.includes('not sent')")
        .await;
}

#[tokio::test]
async fn a_browser_that_forbids_storage_chats_and_can_change_its_name() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let page = chromium.page().await.unwrap();
    // As browsers do it that are told to block all that sites keep: whoever looks gets an
    // exception.
    let forbid = "for (const name of ['localStorage', 'sessionStorage'])
        Object.defineProperty(window, name, { get() { throw new DOMException('denied', 'SecurityError'); } });";
    page.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": forbid })).await.unwrap();
    let alice = Person::enter_on(page, &server, "Alice").await;
    alice
        .until(&format!("{STORAGE_SAYS}.includes('keeps nothing between visits: it is set to keep nothing')"))
        .await;
    let bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    alice.open("Bob").await;
    alice.say("hello").await;
    bob.open("Alice").await;
    bob.sees(&["hello"]).await;
    bob.say("hello yourself").await;
    alice.sees(&["hello", "hello yourself"]).await;
    alice.all_are("Delivered").await;
    alice.page.click("#leave").await.unwrap();
    alice.until("!document.querySelector('#welcome').hidden").await;
    let alice = Person::come_in(alice.page, "Carol").await;
    alice.until("document.querySelector('#me').textContent === 'Carol'").await;
    alice.had_no_trouble();
}

#[tokio::test]
async fn strangers_cannot_fill_the_storage() {
    const GROUPS: usize = 120;
    let Some(chromium) = require(Chromium::start().await) else { return };
    let mut server = Tidings::start();
    let profile = chromium.profile().await.unwrap();
    let alice = Person::enter(&profile, &server, "Alice").await;
    alice.write_to("Bob").await;
    alice.say("to Bob").await;
    alice.all_are("Sent").await;
    let client = reqwest::Client::new();
    for number in 0..GROUPS {
        let mut members: Vec<String> =
            (0..840).map(|member| format!("{number} {member} {}", "n".repeat(60))).collect();
        members.push("Alice".to_owned());
        let group = format!("g{number}");
        let message = json!({ "id": group, "from": "Mallory", "group": group, "name": "w".repeat(500), "members": members, "text": "t".repeat(2_000), "at": 1 });
        let body = json!({ "from": "Mallory", "group_name": group, "group_members": ["Alice"], "message": message.to_string() });
        let answer = client.post(server.url("/timeline/sendGroup")).json(&body).send().await.unwrap();
        assert!(answer.status().is_success());
    }
    let book = "(localStorage.getItem('tidings:1:Alice:book') ?? '{}')";
    alice.until(&format!("JSON.parse({book}).cursor === {}", GROUPS + 1)).await;
    let kept = "Object.keys(localStorage).map(key => localStorage.getItem(key).length).reduce((sum, length) => sum + length, 0)";
    let kept = alice.value(kept).await.as_u64().unwrap();
    assert!(kept < 700_000, "{kept} letters are kept");
    // What is not sent has its place, and what one has written to stays in the list.
    server.kill();
    alice.disconnected().await;
    alice.say("later").await;
    alice.until(&format!("{OUTBOX}.includes('later')")).await;
    alice.page.close().await.unwrap();
    server.start_again();
    let alice = Person::enter(&profile, &server, "Alice").await;
    alice.open_moving("direct:Bob", "Bob").await;
    alice.sees(&["to Bob", "later"]).await;
    alice.all_are("Sent").await;
    // A large group says again who is in it when it is opened.
    alice.open_moving("group:g7", &"w".repeat(500)).await;
    alice.until("!document.querySelector('#text').disabled").await;
    alice.had_no_trouble();
}

#[tokio::test]
async fn a_name_can_be_changed_while_the_server_is_away() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let mut server = Tidings::start();
    let profile = chromium.profile().await.unwrap();
    let bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    let alice = Person::enter(&profile, &server, "Alice").await;
    alice.open("Bob").await;
    server.kill();
    alice.disconnected().await;
    alice.say("from Alice").await;
    alice.until(&format!("{OUTBOX}.includes('from Alice')")).await;
    alice.page.click("#leave").await.unwrap();
    alice.until("!document.querySelector('#welcome').hidden && document.querySelector('#app').hidden").await;
    let note = "document.querySelector('#welcome-note')";
    alice.until(&format!("{note}.textContent.includes('There is no connection to the server now')")).await;
    alice.until(&format!("{note}.textContent.includes('sent when Alice comes in again')")).await;
    alice.page.fill("#name", "Carol").await.unwrap();
    alice.page.press("Enter").await.unwrap();
    alice.until("document.querySelector('#me').textContent === 'Carol'").await;
    alice.write_to("Bob").await;
    alice.say("from Carol").await;
    alice.sees(&["from Carol"]).await;
    server.start_again();
    alice.connected().await;
    alice.all_are("Sent").await;
    bob.open("Carol").await;
    bob.sees(&["from Carol"]).await;
    // What Alice wrote waits for Alice, and one connection is left of the two.
    assert_eq!(bob.value("document.querySelectorAll('[data-key=\"direct:Alice\"] .badge').length === 0 || document.querySelector('[data-key=\"direct:Alice\"] .badge').textContent === ''").await, true);
    bob.sees_online("Alice", false).await;
    alice.page.click("#leave").await.unwrap();
    alice.until("!document.querySelector('#welcome').hidden").await;
    alice.until(&format!("{note}.hidden")).await;
    let alice = Person::come_in(alice.page, "Alice").await;
    bob.sees_unread("direct:Alice", "1").await;
    bob.open("Alice").await;
    bob.sees(&["from Alice"]).await;
    alice.until(&format!("!{OUTBOX}.includes('from Alice')")).await;
}
