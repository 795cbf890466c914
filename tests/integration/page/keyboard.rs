//! The page without a mouse.

use test_support::{Chromium, require};
use tests::Tidings;

use super::person::Person;

/// What has the focus: its id, or the key of its row.
const FOCUS: &str = "document.activeElement.id || document.activeElement.dataset.key";

impl Person {
    async fn has_focus_on(&self, what: &str) {
        self.until(&format!("({FOCUS}) === '{what}'")).await;
    }

    async fn press(&self, key: &str) {
        self.page.press(key).await.unwrap();
    }

    /// Gives a name: its field has the focus already.
    async fn enters_by_keyboard(&self, name: &str) {
        self.has_focus_on("name").await;
        self.press("Enter").await;
        self.until("document.querySelector('#name-problem').textContent === 'Type a name.'").await;
        self.page.write(name).await.unwrap();
        self.press("Enter").await;
        self.connected().await;
    }

    /// Makes a group of two others, from the button that has the focus.
    async fn makes_a_group_by_keyboard(&self, name: &str, others: [&str; 2]) {
        self.has_focus_on("new-group").await;
        self.press("Enter").await;
        self.has_focus_on("group-name").await;
        self.page.write(name).await.unwrap();
        self.press("Tab").await;
        for other in others {
            self.page.write(other).await.unwrap();
            self.press("Enter").await;
        }
        self.until("document.querySelectorAll('#group-people input:checked').length === 2").await;
        self.press("Shift+Tab").await;
        self.press("Enter").await;
        self.has_focus_on("text").await;
        self.until(&format!("document.querySelector('#talk-title').textContent === '{name}'")).await;
    }
}

#[tokio::test]
async fn everything_can_be_done_by_keyboard_alone() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    let carol = Person::enter(&chromium.profile().await.unwrap(), &server, "Carol").await;
    let alice = Person { page: chromium.page().await.unwrap() };
    alice.page.open(&server.url("/")).await.unwrap();
    alice.enters_by_keyboard("Alice").await;
    alice.sees_online("Carol", true).await;

    // The list is one stop of the tab key, and arrows move in it.
    alice.has_focus_on("search").await;
    alice.press("Tab").await;
    alice.has_focus_on("direct:Bob").await;
    alice.press("ArrowDown").await;
    alice.has_focus_on("direct:Carol").await;
    alice.press("Home").await;
    alice.has_focus_on("direct:Bob").await;
    alice.press("Enter").await;
    alice.has_focus_on("text").await;
    alice.page.write("by key").await.unwrap();
    alice.press("Enter").await;
    alice.sees(&["by key"]).await;
    bob.sees_unread("direct:Alice", "1").await;

    // Escape leads back to where one came from; typing finds the other.
    alice.press("Escape").await;
    alice.has_focus_on("direct:Bob").await;
    alice.press("ArrowUp").await;
    alice.has_focus_on("search").await;
    alice.page.write("car").await.unwrap();
    alice.until("document.querySelectorAll('#list button').length === 2").await;
    alice.press("Enter").await;
    alice.has_focus_on("text").await;
    alice.until("document.querySelector('#talk-title').textContent === 'Carol'").await;

    // The way back goes through the browser's history, which takes its time.
    alice.press("Escape").await;
    alice.has_focus_on("direct:Carol").await;
    alice.press("Shift+Tab").await;
    alice.press("Shift+Tab").await;
    alice.press("Shift+Tab").await;
    alice.makes_a_group_by_keyboard("Both", ["Bob", "Carol"]).await;
    alice.page.write("all of you").await.unwrap();
    alice.press("Enter").await;
    carol
        .until("[...document.querySelectorAll('.row-title')].some(title => title.textContent === 'Both')")
        .await;

    // Every stop is seen: something marks it.
    for _ in 0..6 {
        alice.press("Tab").await;
        let marked = "(style => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2)(getComputedStyle(document.activeElement))";
        assert_eq!(alice.value(&format!("document.activeElement === document.body || {marked}")).await, true);
    }
    alice.had_no_trouble();
}

/// Frames are held back, as by a browser that has no time to paint.
const HOLD_FRAMES: &str = "(() => { const paint = window.requestAnimationFrame; window.held = [];
    window.requestAnimationFrame = run => window.held.push(run);
    window.release = () => { window.requestAnimationFrame = paint; window.held.forEach(run => paint(run)); };
    return true; })()";

#[tokio::test]
async fn who_types_faster_than_the_list_is_painted_writes_to_whom_they_typed() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let _bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    let _carol = Person::enter(&chromium.profile().await.unwrap(), &server, "Carol").await;
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    alice.sees_online("Bob", true).await;
    alice.sees_online("Carol", true).await;
    alice.has_focus_on("search").await;

    assert_eq!(alice.value(HOLD_FRAMES).await, true);
    alice.page.write("car").await.unwrap();
    alice.press("Enter").await;
    assert_eq!(alice.value("(window.release(), true)").await, true);
    alice.until("document.querySelector('#talk-title').textContent !== ''").await;
    assert_eq!(alice.value("document.querySelector('#talk-title').textContent").await, "Carol");
    alice.had_no_trouble();
}

#[tokio::test]
async fn everything_that_can_be_used_has_a_name() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    alice.write_to("Bob").await;
    alice.say("hello").await;
    alice.all_are("Sent").await;
    let nodes = alice.page.call("Accessibility.getFullAXTree", serde_json::json!({})).await.unwrap();
    let nodes = nodes["nodes"].as_array().unwrap();
    let mut used = 0;
    for node in nodes.iter().filter(|node| node["ignored"] != true) {
        let role = node["role"]["value"].as_str().unwrap_or_default();
        if ["button", "textbox", "searchbox", "checkbox", "region", "navigation", "main"].contains(&role) {
            assert_ne!(
                node["name"]["value"].as_str().unwrap_or_default(),
                "",
                "a {role} has no name: {node}"
            );
            used += 1;
        }
    }
    assert!(used >= 8, "only {used} were found");
}
