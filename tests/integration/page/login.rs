//! Logging in and out, where the server asks for it.

use serde_json::{Value, json};
use test_support::{Chromium, require};
use tests::Tidings;

use super::person::Person;
use crate::issuer::Issuer;

/// Whether the page asks for a login.
pub(super) const ASKED: &str =
    "!document.querySelector('#login').hidden && document.querySelector('#app').hidden";
/// Why it does.
pub(super) const NOTE: &str = "document.querySelector('#login-note').textContent";
const PROBLEM: &str = "document.querySelector('#token-problem').textContent";
const KEPT: &str = "[Object.keys(localStorage).sort(), Object.keys(sessionStorage)]";

impl Person {
    /// Pastes a token into the form, as whoever is asked for one.
    pub(super) async fn pastes(&self, token: &str) {
        self.until(ASKED).await;
        self.page.fill("#token", token).await.unwrap();
        self.page.press("Enter").await.unwrap();
    }

    pub(super) async fn logs_out(&self) {
        self.page.click("#leave[title='Log out']").await.unwrap();
        self.until(ASKED).await;
    }

    async fn is(&self, user: &str) {
        self.connected().await;
        assert_eq!(self.value("document.querySelector('#me').textContent").await, user);
        assert_eq!(self.value("document.querySelector('#welcome').hidden").await, true);
    }
}

#[tokio::test]
async fn two_whom_a_program_sends_with_tokens_talk_and_no_request_has_a_token() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    let tokens = [issuer.token("alice", 3_600), issuer.token("bob", 3_600)];
    let mut people = Vec::new();
    for (user, token) in ["alice", "bob"].into_iter().zip(&tokens) {
        let page = chromium.profile().await.unwrap().page().await.unwrap();
        let person = Person::sent(page, &server, token).await;
        person.is(user).await;
        assert_eq!(person.value("location.href").await, server.url("/"));
        people.push(person);
    }
    let (alice, bob) = (&people[0], &people[1]);
    alice.open("bob").await;
    alice.say("hi").await;
    bob.sees_unread("direct:alice", "1").await;
    bob.open("alice").await;
    bob.say("hi yourself").await;
    alice.sees(&["hi", "hi yourself"]).await;
    alice.all_are("Delivered").await;
    for person in [alice, bob] {
        person.had_no_trouble();
        let said = [person.page.requests(), person.page.console()].concat();
        assert!(said.iter().any(|line| line.contains("/ws?ticket=")));
        assert!(
            !said.iter().any(|line| tokens.iter().any(|token| line.contains(token.as_str()))),
            "{said:?}"
        );
        assert_eq!(
            person.value("Object.values(localStorage).some(kept => kept.includes('eyJ'))").await,
            false
        );
    }
}

#[tokio::test]
async fn a_login_belongs_to_its_tab() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    let profile = chromium.profile().await.unwrap();
    let alice = Person::sent_by(&issuer, &profile, &server, "alice").await;
    alice.page.reload().await.unwrap();
    alice.is("alice").await;
    let bob = Person { page: profile.page().await.unwrap() };
    bob.page.open(&server.url("/")).await.unwrap();
    bob.until(ASKED).await;
    assert_eq!(bob.value(NOTE).await, "");
    bob.pastes(&issuer.token("bob", 3_600)).await;
    bob.is("bob").await;
    alice.page.reload().await.unwrap();
    alice.is("alice").await;
    alice.open("bob").await;
    alice.say("in one browser").await;
    bob.sees_unread("direct:alice", "1").await;
}

#[tokio::test]
async fn a_token_that_is_not_good_is_refused_with_a_sentence() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let issuer = Issuer::new();
    let server = issuer.start(&["--login-url=https://login.example/tidings"]);
    let good = issuer.token("alice", 3_600);
    let wrong = format!("{good}x");
    let alice = Person::sent(chromium.page().await.unwrap(), &server, &wrong).await;
    alice.until(ASKED).await;
    alice.until(&format!("{NOTE}.startsWith('The server does not take this token')")).await;
    assert_eq!(
        alice.value("document.querySelector('#login-link').href").await,
        "https://login.example/tidings"
    );
    for (pasted, sentence) in [
        (wrong.as_str(), "The server does not take this token"),
        ("two words", "This is not a token. Paste one, and nothing else."),
        ("", "Paste a token."),
    ] {
        alice.pastes(pasted).await;
        alice.until(&format!("{PROBLEM}.startsWith({})", json!(sentence))).await;
        assert_eq!(alice.value("document.activeElement.id").await, "token");
    }
    assert_eq!(alice.value("Object.keys(sessionStorage).length").await, 0);
    // As it stands in a header.
    alice.pastes(&format!(" Bearer {good}\n")).await;
    alice.is("alice").await;
}

#[tokio::test]
async fn a_logout_leaves_nothing_to_the_next_one_in_the_tab() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    let alice = Person::sent_by(&issuer, &chromium.profile().await.unwrap(), &server, "alice").await;
    alice.write_to("carol").await;
    alice.say("between us").await;
    alice.all_are("Sent").await;
    alice.until("localStorage.getItem('tidings:1:alice:book')?.includes('between us')").await;
    alice.logs_out().await;
    alice.until(&format!("{NOTE} === 'You are logged out.'")).await;
    assert_eq!(alice.value(KEPT).await, json!([[], []]));
    alice.page.reload().await.unwrap();
    alice.until(ASKED).await;
    let bob = alice;
    bob.pastes(&issuer.token("bob", 3_600)).await;
    bob.is("bob").await;
    assert_eq!(bob.value("document.body.innerHTML.includes('between us')").await, false);
    bob.logs_out().await;
    let alice = bob;
    alice.pastes(&issuer.token("alice", 3_600)).await;
    alice.is("alice").await;
    alice.open("carol").await;
    alice.sees(&["between us"]).await;
}

#[tokio::test]
async fn what_is_not_sent_at_a_logout_waits_for_its_user() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let issuer = Issuer::new();
    let mut server = issuer.start(&[]);
    let alice = Person::sent_by(&issuer, &chromium.profile().await.unwrap(), &server, "alice").await;
    alice.write_to("bob").await;
    server.kill();
    alice.disconnected().await;
    alice.say("for later").await;
    alice.until("localStorage.getItem('tidings:1:alice:outbox')?.includes('for later')").await;
    alice.logs_out().await;
    alice.until(&format!("{NOTE}.includes('is sent when alice comes in again')")).await;
    alice.pastes(&issuer.token("alice", 3_600)).await;
    alice.until(&format!("{PROBLEM}.includes('Try again')")).await;
    server.start_again();
    alice.page.press("Enter").await.unwrap();
    alice.is("alice").await;
    let bob = Person::sent_by(&issuer, &chromium.profile().await.unwrap(), &server, "bob").await;
    bob.sees_unread("direct:alice", "1").await;
}

#[tokio::test]
async fn a_ticket_logs_in_once() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    let asked = reqwest::Client::new().post(server.url("/ticket")).bearer_auth(issuer.token("alice", 3_600));
    let answer: Value = asked.send().await.unwrap().json().await.unwrap();
    let address = server.url(&format!("/#ticket={}", answer["ticket"].as_str().unwrap()));
    let alice = Person { page: chromium.page().await.unwrap() };
    alice.page.open(&address).await.unwrap();
    alice.is("alice").await;
    assert_eq!(alice.value("location.href").await, server.url("/"));
    alice.page.reload().await.unwrap();
    alice.is("alice").await;
    let thief = Person { page: chromium.page().await.unwrap() };
    thief.page.open(&address).await.unwrap();
    thief.until(ASKED).await;
    thief.until(&format!("{NOTE}.includes('A ticket can be used once')")).await;
}

#[tokio::test]
async fn a_browser_with_a_cookie_is_not_asked() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let issuer = Issuer::new();
    let server = issuer.start(&["--token-cookie=session"]);
    let alice = Person { page: chromium.page().await.unwrap() };
    let cookie = json!({ "name": "session", "value": issuer.token("alice", 3_600), "url": server.url("/"), "httpOnly": true });
    alice.page.call("Network.setCookie", cookie).await.unwrap();
    alice.page.open(&server.url("/")).await.unwrap();
    alice.is("alice").await;
    assert_eq!(alice.value("Object.keys(sessionStorage).length").await, 0);
    alice.write_to("bob").await;
    alice.say("by cookie").await;
    alice.all_are("Sent").await;
    alice.had_no_trouble();
    alice.logs_out().await;
    alice.until(&format!("{NOTE}.includes('A cookie or a proxy still says who you are')")).await;
}

#[tokio::test]
async fn a_group_is_who_the_server_says_it_is_after_its_first_message() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    let alice = Person::sent_by(&issuer, &chromium.profile().await.unwrap(), &server, "alice").await;
    let bob = Person::sent_by(&issuer, &chromium.profile().await.unwrap(), &server, "bob").await;
    alice.page.click("#new-group").await.unwrap();
    alice.page.fill("#group-name", "Market").await.unwrap();
    alice.page.click("#group-people input[value='bob']").await.unwrap();
    alice.page.fill("#group-person", "carol").await.unwrap();
    alice.page.click("#gather .primary").await.unwrap();
    alice.say("one").await;
    alice.all_are("Sent").await;
    bob.open_beginning("group:Market~").await;
    bob.sees(&["one"]).await;
    // The page names carol in the message itself, and no more as somebody who is to get it.
    let key = "document.querySelector('#list button[data-key^=\"group:Market~\"]').dataset.key";
    let key = alice.value(key).await;
    let group = key.as_str().unwrap().strip_prefix("group:").unwrap().to_owned();
    leave(&server, &group, "carol", &issuer.token("carol", 3_600)).await;
    let book = "JSON.parse(localStorage.getItem('tidings:1:alice:book'))";
    alice.until(&format!("{book}.conversations.some(entry => entry.key === {key} && entry.last > 0)")).await;
    for (person, text) in [(&alice, "two"), (&bob, "three")] {
        person.say(text).await;
        person.all_are("Sent").await;
    }
    alice.sees(&["one", "two", "three"]).await;
    let carol = Person::sent_by(&issuer, &chromium.profile().await.unwrap(), &server, "carol").await;
    carol.sees_unread(key.as_str().unwrap(), "1").await;
    for person in [&alice, &bob] {
        person.had_no_trouble();
    }
}

async fn leave(server: &Tidings, group: &str, member: &str, token: &str) {
    let left = reqwest::Client::new()
        .post(server.url(&format!("/timeline/groups/{group}/leave")))
        .bearer_auth(token)
        .json(&json!({ "members": [member] }));
    let answer = left.send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}
