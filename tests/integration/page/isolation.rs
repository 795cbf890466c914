//! One bad message harms no other.

use serde_json::{Value, json};
use test_support::{Chromium, require};
use tests::Tidings;

use super::person::Person;

/// Stores a message as its sender's program made it.
pub(super) async fn store(server: &Tidings, from: &str, to: &str, message: &str) {
    let body = json!({ "from": from, "to": to, "message": message });
    let answer = reqwest::Client::new().post(server.url("/timeline/send")).json(&body).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

#[tokio::test]
async fn an_address_with_thousands_of_brackets_hides_no_message() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    let nasty = format!("http://a{}", ")".repeat(15_000));
    for (number, text) in ["before", &nasty, "after"].into_iter().enumerate() {
        let message = json!({ "id": format!("id-{number}"), "from": "Bob", "to": "Alice", "text": text, "at": 1_790_000_000_000_u64 });
        store(&server, "Bob", "Alice", &message.to_string()).await;
    }
    alice.sees_unread("direct:Bob", "3").await;
    alice.open("Bob").await;
    alice.sees(&["before", &nasty, "after"]).await;
    // It is marked as read, and the conversation goes on.
    alice.sees_unread("direct:Bob", "").await;
    alice.say("still here").await;
    alice.sees(&["before", &nasty, "after", "still here"]).await;
    alice.page.reload().await.unwrap();
    alice.sees(&["before", &nasty, "after", "still here"]).await;
    alice.had_no_trouble();
}

#[tokio::test]
async fn texts_of_strangers_take_time_in_proportion_to_their_length() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let page = chromium.page().await.unwrap();
    page.open(&server.url("/")).await.unwrap();
    // What is made of a text: its links, and its letters, all of them.
    let made = |text: &str| {
        format!(
            "import('/assets/text.js').then(({{ written }}) => {{
                const nodes = written({text});
                const text = nodes.map(node => node.textContent ?? node).join('');
                return [nodes.filter(node => node.href).map(node => node.textContent), text === {text}];
            }})"
        )
    };
    for (text, links) in [
        ("see (http://a.example/b).", json!(["http://a.example/b"])),
        ("http://a.example/b_(c)", json!(["http://a.example/b_(c)"])),
        ("(http://a.example/b_(c))", json!(["http://a.example/b_(c)"])),
        ("http://a.example/?!.,", json!(["http://a.example/"])),
        ("http://", json!([])),
    ] {
        let answer: Value = page.evaluate(&made(&Value::from(text).to_string())).await.unwrap();
        assert_eq!(answer, json!([links, true]), "{text}");
    }
    // Each of these is half a second of work or a full stack for an expression that tries every
    // start.
    for text in [
        "'http://a' + ')'.repeat(20_000)",
        "'http://a' + '.'.repeat(20_000) + 'x'",
        "'http://a' + ').'.repeat(10_000)",
        "'http://a' + '(('.repeat(5_000) + '))'.repeat(5_000)",
        "'http://'.repeat(2_500)",
        "'http'.repeat(5_000)",
        "'http://a '.repeat(2_200)",
    ] {
        let answer: Value = page.evaluate(&made(text)).await.unwrap();
        assert_eq!(answer[1], true, "{text}");
        assert!(answer[0].as_array().unwrap().len() <= 100, "{text}");
    }
}

#[tokio::test]
async fn a_message_that_cannot_be_drawn_is_shown_as_it_came() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    // Faults that no message is known to meet: in making links, and in the rest of a bubble.
    let faults = "(() => { const [parse, iso] = [URL.canParse, Date.prototype.toISOString];
        URL.canParse = address => { if (address.includes('poison')) throw new RangeError('a fault'); return parse(address); };
        Date.prototype.toISOString = function () { if (window.worse) throw new RangeError('a worse fault'); return iso.call(this); };
        return true; })()";
    assert_eq!(alice.value(faults).await, true);
    let texts = ["one", "see http://poison.example/", "two"];
    for text in texts {
        store(&server, "Bob", "Alice", &said(text)).await;
    }
    alice.sees_unread("direct:Bob", "3").await;
    alice.open("Bob").await;
    alice.sees(&texts).await;
    alice.sees_unread("direct:Bob", "").await;
    // One that fails altogether is shown as its JSON; the one before it is drawn again, as it is
    // not the last any more.
    alice.value("(window.worse = true)").await;
    store(&server, "Bob", "Alice", &said("three")).await;
    alice.sees(&[texts[0], texts[1], &said("two"), &said("three")]).await;
    alice.had_no_trouble();
}

fn said(text: &str) -> String {
    json!({ "id": text, "from": "Bob", "to": "Alice", "text": text, "at": 1_790_000_000_000_u64 }).to_string()
}
