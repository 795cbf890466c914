//! Messages that other programs made: any shape is shown and none breaks the page.

use serde_json::{Value, json};
use test_support::{Chromium, require};
use tests::Tidings;

use super::person::Person;

/// Sends as another program does.
async fn send(server: &Tidings, body: &Value) {
    let request = reqwest::Client::new().post(server.url("/timeline/send")).json(body);
    assert!(request.send().await.unwrap().status().is_success());
}

#[tokio::test]
async fn any_json_is_shown_somewhere() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    let shapes = [
        json!({ "text": "hi" }),
        json!({}),
        json!({ "from": 7, "text": ["a"] }),
        json!({ "from": "Bob", "to": "Carol", "text": "not for me" }),
        json!({ "from": "..", "text": "no name" }),
        json!({ "from": "Bob", "group": "", "members": {}, "text": "odd group", "to": "Zoe" }),
    ];
    for shape in &shapes {
        let body = json!({ "from": "bot", "to": "Alice", "message": shape.to_string() });
        send(&server, &body).await;
    }
    // Wherever they say they belong, the server knows who sent them.
    alice.sees_unread("direct:bot", "6").await;
    alice.open("bot").await;
    let raw = |shape: &Value| shape.to_string();
    let expected = [
        "hi".to_owned(),
        raw(&shapes[1]),
        raw(&shapes[2]),
        "not for me".to_owned(),
        "no name".to_owned(),
        "odd group".to_owned(),
    ];
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    alice.sees(&expected).await;
    assert_eq!(alice.value("document.querySelector('#text').disabled").await, false);
    alice.page.reload().await.unwrap();
    alice.sees(&expected).await;

    // The same words again without an id are another message.
    for _ in 0..2 {
        let message = json!({ "from": "Bob", "to": "Alice", "text": "again", "at": "never" }).to_string();
        let body = json!({ "from": "Bob", "to": "Alice", "message": message });
        send(&server, &body).await;
    }
    alice.sees_unread("direct:Bob", "2").await;
    alice.open("Bob").await;
    alice.sees(&["again", "again"]).await;
    let message = json!({ "from": "Bob", "to": "Alice", "text": "again", "at": "never" }).to_string();
    let body = json!({ "from": "Bob", "to": "Alice", "message": message });
    send(&server, &body).await;
    alice.sees(&["again", "again", "again"]).await;
    alice.had_no_trouble();
}

#[tokio::test]
async fn long_names_and_words_do_not_widen_the_page() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let long = "W".repeat(64);
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, &long).await;
    let bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    bob.page.viewport(test_support::Viewport::PHONE).await.unwrap();
    bob.open(&long).await;
    alice.open("Bob").await;
    alice.say(&"unbroken".repeat(200)).await;
    alice.say(&format!("https://example.org/{}", "path/".repeat(100))).await;
    bob.until("document.querySelectorAll('.message').length === 2").await;
    for person in [&alice, &bob] {
        let fits = "document.documentElement.scrollWidth <= innerWidth && document.querySelector('#log').scrollWidth <= document.querySelector('#log').clientWidth";
        assert_eq!(person.value(fits).await, true);
    }
}
