//! How the page looks: narrow, dark, and readable.

use test_support::{Chromium, Viewport, require};
use tests::Tidings;

use super::person::Person;
use crate::issuer::Issuer;

#[tokio::test]
async fn a_phone_shows_one_pane_at_a_time() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    let _bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    alice.page.viewport(Viewport::PHONE).await.unwrap();
    let panes = "['#rail', '#talk'].map(pane => document.querySelector(pane).offsetWidth)";
    alice.until(&format!("JSON.stringify({panes}) === '[390,0]'")).await;
    alice.open("Bob").await;
    alice.until(&format!("JSON.stringify({panes}) === '[0,390]'")).await;
    alice.page.click("#back").await.unwrap();
    alice.until(&format!("JSON.stringify({panes}) === '[390,0]'")).await;
    // The browser's own way back does the same.
    alice.open("Bob").await;
    alice.value("history.back()").await;
    alice.until(&format!("JSON.stringify({panes}) === '[390,0]'")).await;
}

#[tokio::test]
async fn text_is_readable_by_day_and_by_night() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    let bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    alice.open("Bob").await;
    alice.say("one").await;
    bob.open("Alice").await;
    bob.say("two").await;
    alice.sees(&["one", "two"]).await;
    alice.all_are("Delivered").await;
    for dark in [false, true] {
        alice.page.dark(dark).await.unwrap();
        alice.until(&format!("matchMedia('(prefers-color-scheme: dark)').matches === {dark}")).await;
        assert_eq!(alice.value(&poor("#app")).await, serde_json::json!([]), "dark: {dark}");
    }
}

#[tokio::test]
async fn a_login_can_be_read_by_day_and_by_night_and_fits_a_phone() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let issuer = Issuer::new();
    let server = issuer.start(&["--login-url=https://login.example/"]);
    let alice = Person::sent(chromium.page().await.unwrap(), &server, "wrong").await;
    alice.pastes("wrong").await;
    alice.until("document.querySelector('#token-problem').textContent !== ''").await;
    alice.page.viewport(Viewport::PHONE).await.unwrap();
    alice.until("document.documentElement.scrollWidth <= innerWidth").await;
    for dark in [false, true] {
        alice.page.dark(dark).await.unwrap();
        alice.until(&format!("matchMedia('(prefers-color-scheme: dark)').matches === {dark}")).await;
        // Buttons change their colours in a moment, and not at once.
        alice.until(&format!("{}.length === 0", poor("#login"))).await;
    }
}

/// The contrast of every text in an element with what lies behind it, as WCAG counts it: those that
/// are hard to read.
fn poor(root: &str) -> String {
    const POOR: &str = "(() => {
        const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 }).getContext('2d', { willReadFrequently: true });
        const rgba = colour => {
            canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
            return [...canvas.getImageData(0, 0, 1, 1).data];
        };
        const light = ([r, g, b]) => [r, g, b].map(c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
            .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
        const behind = node => { for (; node; node = node.parentElement) { const c = rgba(getComputedStyle(node).backgroundColor); if (c[3] === 255) return c; } };
        const found = [];
        const walk = document.createTreeWalker(document.querySelector('ROOT'), NodeFilter.SHOW_TEXT);
        for (let text; (text = walk.nextNode());) {
            const node = text.parentElement;
            if (!text.textContent.trim() || !node.checkVisibility() || node.closest('.spoken')) continue;
            const [a, b] = [light(rgba(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
            const ratio = (a + 0.05) / (b + 0.05);
            if (ratio < 4.5) found.push(`${text.textContent.trim()}: ${ratio.toFixed(2)}`);
        }
        return found;
    })()";
    POOR.replace("ROOT", root)
}
