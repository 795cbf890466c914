//! Long conversations: older messages on scrolling up, and a document that stays small.

use std::pin::pin;

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use test_support::{Chromium, require};
use tests::Tidings;

use super::person::Person;

/// Stores messages from Bob to Alice, in order unless they are sent many at a time.
async fn fill(server: &Tidings, count: usize, at_once: usize) {
    let client = reqwest::Client::new();
    let sends = stream::iter(0..count).map(|number| {
        let at = 1_790_000_000_000 + number * 1_000;
        let message = json!({ "id": format!("id-{number}"), "from": "Bob", "to": "Alice", "text": format!("number {number}"), "at": at });
        let body = json!({ "from": "Bob", "to": "Alice", "message": message.to_string() });
        client.post(server.url("/timeline/send")).json(&body).send()
    });
    let mut sends = pin!(sends.buffered(at_once));
    while let Some(answer) = sends.next().await {
        assert!(answer.unwrap().status().is_success());
    }
}

/// Scrolls up step by step until a condition holds; a person does it with a wheel.
async fn scroll_up_until(person: &Person, condition: &str) {
    let climb = format!(
        "new Promise((done, fail) => {{
            const log = document.querySelector('#log'), until = () => {condition};
            let steps = 0;
            const step = () => {{
                if (until()) return done(true);
                if ((steps += 1) > 4000) return fail(new Error('it is never reached'));
                log.scrollTop -= 300;
                requestAnimationFrame(step);
            }};
            step();
        }})"
    );
    assert_eq!(person.value(&climb).await, true);
}

#[tokio::test]
async fn scrolling_up_reads_older_messages_and_holds_the_view() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    fill(&server, 500, 1).await;
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    alice.open("Bob").await;
    alice
        .until("[...document.querySelectorAll('#messages .text')].at(-1)?.textContent === 'number 499'")
        .await;
    assert!(alice.texts().await.len() <= 160, "more than a window is in the document");
    // Nothing on the screen jumps while pages are put in above: what is seen moves by what was
    // scrolled, no more.
    let steady = "new Promise(done => {
        const log = document.querySelector('#log'), jumps = [];
        const seen = () => [...document.querySelectorAll('.message')].find(node => node.getBoundingClientRect().top > log.getBoundingClientRect().top);
        let steps = 0;
        const step = () => {
            const mark = seen(), text = mark.textContent, before = mark.getBoundingClientRect().top;
            const moved = Math.min(250, log.scrollTop);
            log.scrollTop -= moved;
            requestAnimationFrame(() => requestAnimationFrame(() => {
                const same = [...document.querySelectorAll('.message')].find(node => node.textContent === text);
                const jump = same ? Math.abs(same.getBoundingClientRect().top - before - moved) : 0;
                if (jump > 2) jumps.push(jump);
                if ((steps += 1) < 60) step(); else done(jumps);
            }));
        };
        step();
    })";
    assert_eq!(alice.value(steady).await, json!([]));
    scroll_up_until(&alice, "document.querySelector('.edge').textContent === 'This is where it began.'")
        .await;
    let shown = alice.texts().await;
    assert!(shown.len() <= 160, "{} messages are in the document", shown.len());
    let expected: Vec<String> = (0..shown.len()).map(|number| format!("number {number}")).collect();
    assert_eq!(shown, expected);

    // A message that arrives does not tear the reader away; a button leads to it.
    let bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    bob.open("Alice").await;
    bob.say("newest").await;
    alice.until("document.querySelector('#jump span').textContent === '1 new message'").await;
    assert_eq!(alice.texts().await[0], "number 0");
    alice.page.click("#jump").await.unwrap();
    alice.until("[...document.querySelectorAll('#messages .text')].at(-1).textContent === 'newest'").await;
    alice.until("document.querySelector('#jump').hidden").await;
}

#[tokio::test]
async fn ten_thousand_messages_do_not_break_it() {
    const MANY: usize = 10_000;
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    alice.write_to("Bob").await;
    // Alice looks on while they arrive.
    fill(&server, MANY, 64).await;
    let stored: Value =
        reqwest::get(server.url("/timeline/sync?member=Alice&count=1")).await.unwrap().json().await.unwrap();
    assert_eq!(stored["latestSeq"], MANY.to_string());
    let cursor = "JSON.parse(localStorage.getItem('tidings:1:Alice:book') ?? '{}').cursor";
    alice.until(&format!("{cursor} === {MANY}")).await;
    assert!(alice.texts().await.len() <= 160);
    let nodes = alice.value("document.querySelectorAll('*').length").await.as_u64().unwrap();
    assert!(nodes < 3_000, "{nodes} elements");
    alice.say("still quick").await;
    alice
        .until("[...document.querySelectorAll('#messages .text')].at(-1).textContent === 'still quick'")
        .await;
    alice.had_no_trouble();
}
