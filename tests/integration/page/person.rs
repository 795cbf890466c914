//! Somebody with a browser.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_support::{Page, Profile};
use tests::Tidings;

use crate::issuer::Issuer;

/// The texts of all messages on the screen, in order, as a JavaScript expression.
const TEXTS: &str = "[...document.querySelectorAll('#messages .text')].map(text => text.textContent)";

/// Notes the key of the row that the next click meets.
const WATCH_CLICK: &str = "(window.clicked = null, addEventListener('click', event => {
    window.clicked = event.target.closest?.('button')?.dataset.key ?? ''; }, { capture: true, once: true }), true)";

/// For what never comes where it fails.
pub(super) const LIMIT: Duration = Duration::from_secs(60);

/// One tab in which somebody has come in.
pub(super) struct Person {
    pub(super) page: Page,
}

impl Person {
    /// Opens the page in a new tab and comes in.
    pub(super) async fn enter(profile: &Profile, server: &Tidings, name: &str) -> Self {
        Self::enter_on(profile.page().await.unwrap(), server, name).await
    }

    /// Opens the page in this tab and comes in.
    pub(super) async fn enter_on(page: Page, server: &Tidings, name: &str) -> Self {
        page.open(&server.url("/")).await.unwrap();
        Self::come_in(page, name).await
    }

    /// Chooses a name on the page that is open.
    pub(super) async fn come_in(page: Page, name: &str) -> Self {
        let person = Self { page };
        person.page.fill("#name", name).await.unwrap();
        person.page.press("Enter").await.unwrap();
        person.connected().await;
        person
    }

    /// Opens the page with a token, as a program does it that logs people in.
    pub(super) async fn sent(page: Page, server: &Tidings, token: &str) -> Self {
        page.open(&server.url(&format!("/#token={token}"))).await.unwrap();
        Self { page }
    }

    /// Is sent to the page by who logs people in, in a new tab, and comes in.
    pub(super) async fn sent_by(issuer: &Issuer, profile: &Profile, server: &Tidings, user: &str) -> Self {
        let token = issuer.token(user, 3_600);
        let person = Self::sent(profile.page().await.unwrap(), server, &token).await;
        person.connected().await;
        person
    }

    pub(super) async fn connected(&self) {
        self.until("document.querySelector('#connection').dataset.state === 'open'").await;
        // Presence comes right after the connection.
        self.until("document.querySelector('#people-count').textContent !== ''").await;
    }

    pub(super) async fn disconnected(&self) {
        self.until("document.querySelector('#connection').dataset.state !== 'open'").await;
    }

    pub(super) async fn until(&self, expression: &str) {
        self.page.wait_for(expression).await.unwrap();
    }

    pub(super) async fn value(&self, expression: &str) -> Value {
        self.page.evaluate(expression).await.unwrap()
    }

    /// Opens the conversation with a person, from the list.
    pub(super) async fn open(&self, peer: &str) {
        self.open_key(&format!("direct:{peer}")).await;
    }

    pub(super) async fn open_key(&self, key: &str) {
        let row = row(key);
        let begun = Instant::now();
        loop {
            self.until(&format!("document.querySelector({}) !== null", json!(row))).await;
            // The row of somebody without a conversation goes with them and comes back with them,
            // as at a restart.
            self.value(WATCH_CLICK).await;
            match self.page.click(&row).await {
                // The mouse meets another row where the list has moved below it.
                Ok(()) if self.value("window.clicked").await == json!(key) => break,
                Ok(()) => assert!(begun.elapsed() < LIMIT, "{key} is not opened"),
                Err(error) => assert!(begun.elapsed() < LIMIT, "{key} cannot be opened: {error}"),
            }
        }
        self.until("document.querySelector('#talk').classList.contains('has-talk')").await;
    }

    /// Opens a conversation from a list that still moves, where a mouse might meet another row.
    pub(super) async fn open_moving(&self, key: &str, title: &str) {
        let row = json!(row(key));
        self.until(&format!("document.querySelector({row}) !== null")).await;
        self.value(&format!("document.querySelector({row}).click()")).await;
        self.until(&format!("document.querySelector('#talk-title').textContent === {}", json!(title))).await;
    }

    /// Opens the one conversation whose key begins like this, from a list that may still move.
    pub(super) async fn open_beginning(&self, key: &str) {
        let row = json!(format!("#list button[data-key^={}]", json!(key)));
        self.until(&format!("document.querySelector({row}) !== null")).await;
        self.value(&format!("document.querySelector({row}).click()")).await;
    }

    /// Opens the conversation with somebody who may not be in the list.
    pub(super) async fn write_to(&self, peer: &str) {
        self.page.fill("#search", peer).await.unwrap();
        self.open(peer).await;
    }

    /// Writes a message in the open conversation.
    pub(super) async fn say(&self, text: &str) {
        self.page.fill("#text", text).await.unwrap();
        self.page.press("Enter").await.unwrap();
    }

    /// Waits until the open conversation shows exactly these messages.
    pub(super) async fn sees(&self, texts: &[&str]) {
        self.until(&format!("JSON.stringify({TEXTS}) === JSON.stringify({})", json!(texts))).await;
    }

    pub(super) async fn texts(&self) -> Vec<String> {
        serde_json::from_value(self.value(TEXTS).await).unwrap()
    }

    /// Waits until every message of their own has this state, `Sent`, `Delivered` or `Read`, or had
    /// it.
    pub(super) async fn all_are(&self, state: &str) {
        // Whoever looks late finds a message delivered or read, if there is somebody to get it.
        let states = ["Sent", "Delivered", "Read"];
        let from = states.iter().position(|known| *known == state).expect("it is one of the three");
        let expected = json!(states[from..]);
        let states = "[...document.querySelectorAll('.message.is-mine .delivery')].map(state => state.title)";
        self.until(&format!(
            "(states => states.length > 0 && states.every(state => {expected}.includes(state)))({states})"
        ))
        .await;
    }

    pub(super) async fn sees_online(&self, peer: &str, online: bool) {
        let class = format!(
            "document.querySelector({})?.parentElement.classList.contains('is-online')",
            json!(row(&format!("direct:{peer}")))
        );
        self.until(&format!("({class} ?? false) === {online}")).await;
    }

    pub(super) async fn sees_unread(&self, key: &str, count: &str) {
        let badge = format!("document.querySelector({}).textContent", json!(format!("{} .badge", row(key))));
        self.until(&format!("{badge} === '{count}'")).await;
    }

    /// Nothing went wrong on the way that nobody meant to go wrong.
    pub(super) fn had_no_trouble(&self) {
        assert!(self.page.errors().is_empty(), "{:?}", self.page.errors());
        assert!(self.page.dialogs().is_empty(), "{:?}", self.page.dialogs());
    }
}

pub(super) fn row(key: &str) -> String {
    format!("#list button[data-key={}]", json!(key))
}
