//! The end of a login: in time, by another token, and by the server's will.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use test_support::{Chromium, Page, Viewport, require};
use tests::Tidings;

use super::login::{ASKED, NOTE};
use super::person::Person;
use crate::issuer::Issuer;

/// Long enough for a busy machine to do what comes before it.
const SHORT: u64 = 15;
/// Shorter than the two minutes before its end in which the page offers to renew a login.
const SOON: u64 = 60;
const LONG: u64 = 3_600;
/// What is to happen within a second may take so long on a busy machine.
const PROMPT: Duration = Duration::from_secs(5);

const STATE: &str = "document.querySelector('#connection').dataset.state";
const WHY: &str = "document.querySelector('#renewal-why').textContent";
const ENDED: &str = "Your login has ended. Paste a new token or log in again.";
const REVOKED: &str = "Your login was revoked. Paste a new token or log in again.";

/// Whether the page offers to renew the login.
fn offered(offered: bool) -> String {
    format!("document.querySelector('#renewal').hidden === {}", !offered)
}

impl Person {
    async fn renews(&self, token: &str) {
        self.page.fill("#renewal-token", token).await.unwrap();
        self.page.press("Enter").await.unwrap();
    }

    fn tickets(&self) -> Vec<String> {
        self.page.requests().into_iter().filter(|address| address.contains("/ws?ticket=")).collect()
    }
}

async fn page(chromium: &Chromium) -> Page {
    chromium.profile().await.unwrap().page().await.unwrap()
}

/// Revokes by the command, as an operator does.
fn revoke(server: &Tidings, user: &str) {
    let data_dir = format!("--data-dir={}", server.data_dir().display());
    let user = format!("--user={user}");
    let output = Tidings::run(Path::new("/"), &["revoke", &data_dir, &user], &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn a_login_that_is_renewed_goes_on_over_the_same_connection() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    let alice = Person::sent(page(&chromium).await, &server, &issuer.token("alice", SHORT)).await;
    alice.connected().await;
    alice.value(&format!("window.end = Date.now() + {SHORT} * 1000")).await;
    alice.until(&offered(true)).await;
    alice.until(&format!("{WHY}.startsWith('Your login ends at ')")).await;
    alice.renews(&issuer.token("bob", LONG)).await;
    alice.until("document.querySelector('#renewal-problem').textContent === 'This token is of bob, and you are alice here. Log out first.'").await;
    alice.renews(&issuer.token("alice", LONG)).await;
    alice.until(&offered(false)).await;
    alice.until("document.querySelector('#notice').textContent.startsWith('You stay logged in')").await;
    // Beyond the end of the first token, and the second within which the server would end it.
    alice.until("Date.now() > window.end + 3000").await;
    assert_eq!(alice.value(STATE).await, "open");
    assert_eq!(alice.tickets().len(), 1);
    alice.page.reload().await.unwrap();
    alice.connected().await;
    alice.until(&offered(false)).await;
}

#[tokio::test]
async fn a_login_that_has_ended_leaves_the_screen_as_it_is_until_there_is_another_token() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    let bob = Person::sent_by(&issuer, &chromium.profile().await.unwrap(), &server, "bob").await;
    let alice = Person::sent(page(&chromium).await, &server, &issuer.token("alice", SHORT)).await;
    alice.open("bob").await;
    alice.until(&format!("{STATE} === 'barred' && {WHY} === {}", json!(ENDED))).await;
    alice.say("late").await;
    alice.sees(&["late"]).await;
    alice.until("document.querySelector('#banner').textContent.includes('One message waits')").await;
    // On a phone, too, there is the way back.
    alice.page.viewport(Viewport::PHONE).await.unwrap();
    alice.page.fill("#renewal-token", &issuer.token("alice", LONG)).await.unwrap();
    alice.page.click("#renewal button").await.unwrap();
    alice.until(&format!("{STATE} === 'open'")).await;
    alice.until(&offered(false)).await;
    alice.all_are("Sent").await;
    bob.sees_unread("direct:alice", "1").await;
}

#[tokio::test]
async fn a_token_that_comes_into_the_address_renews_the_login_of_its_user_alone() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    let alice = Person::sent(page(&chromium).await, &server, &issuer.token("alice", SOON)).await;
    alice.connected().await;
    alice.write_to("bob").await;
    alice.until(&offered(true)).await;
    let hand_over = async |user: &str| {
        let fragment = json!(format!("#token={}", issuer.token(user, LONG)));
        alice.value(&format!("(location.hash = {fragment}, true)")).await;
        alice.until("location.hash === ''").await;
    };
    hand_over("bob").await;
    alice.until("document.querySelector('#notice').textContent.startsWith('This token is of bob')").await;
    alice.until(&offered(true)).await;
    hand_over("alice").await;
    alice.until(&offered(false)).await;
    assert_eq!(alice.value("document.querySelector('#me').textContent").await, "alice");
    assert_eq!(alice.value("document.querySelector('#talk-title').textContent").await, "bob");
    alice.logs_out().await;
    // Where nobody is logged in, whoever is handed over comes in.
    let fragment = json!(format!("#token={}", issuer.token("carol", LONG)));
    alice.value(&format!("(location.hash = {fragment}, true)")).await;
    alice.until("document.querySelector('#me').textContent === 'carol'").await;
    alice.connected().await;
}

#[tokio::test]
async fn whoever_is_revoked_is_out_within_a_second() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    let alice = Person::sent_by(&issuer, &chromium.profile().await.unwrap(), &server, "alice").await;
    let bob = Person::sent_by(&issuer, &chromium.profile().await.unwrap(), &server, "bob").await;
    bob.open("alice").await;
    bob.say("between us").await;
    bob.all_are("Delivered").await;
    let spare = issuer.token("bob", LONG);
    revoke(&server, "bob");
    bob.page.wait_for_within(&format!("{ASKED} && {NOTE} === {}", json!(REVOKED)), PROMPT).await.unwrap();
    assert_eq!(bob.value("document.body.innerHTML.includes('between us')").await, false);
    assert_eq!(bob.value("Object.keys(localStorage).length + Object.keys(sessionStorage).length").await, 0);
    alice.sees_online("bob", false).await;
    assert_eq!(alice.value(STATE).await, "open");
    // A token that was made before is no way back.
    bob.pastes(&spare).await;
    bob.until("document.querySelector('#token-problem').textContent.startsWith('The server does not take this token')").await;
}

#[tokio::test]
async fn each_connect_has_a_ticket_of_its_own() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let issuer = Issuer::new();
    let mut server = issuer.start(&[]);
    let alice = Person::sent_by(&issuer, &chromium.profile().await.unwrap(), &server, "alice").await;
    alice.page.offline(true).await.unwrap();
    alice.disconnected().await;
    // It asks for a ticket, gets none, and comes back by itself all the same.
    alice.until(&format!("{STATE} === 'waiting'")).await;
    alice.page.offline(false).await.unwrap();
    alice.connected().await;
    server.kill();
    alice.disconnected().await;
    server.start_again();
    alice.connected().await;
    let mut tickets = alice.tickets();
    assert!(tickets.len() >= 3, "{tickets:?}");
    let all = tickets.len();
    tickets.sort_unstable();
    tickets.dedup();
    assert_eq!(tickets.len(), all, "one was used twice");
}
