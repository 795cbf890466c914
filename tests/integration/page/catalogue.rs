//! The list of conversations, which the server keeps.

use serde_json::json;
use test_support::{Chromium, require};
use tests::Tidings;

use super::isolation::store;
use super::modules::{CONNECTION, run};
use super::person::Person;

const ROWS: &str = "document.querySelectorAll('#list button.row').length";
const END: &str = "(document.querySelector('#list .list-end')?.textContent ?? '')";

/// Has so many people write to Alice, and frees her inbox: what it had is in the histories alone.
async fn many_wrote(server: &Tidings, count: usize) {
    for number in 0..count {
        let name = format!("person {number:03}");
        let message =
            json!({ "id": name, "from": name, "to": "Alice", "text": format!("hi from {number}"), "at": 1 });
        store(server, &name, "Alice", &message.to_string()).await;
    }
    let ack = json!({ "member": "Alice", "sequence": count.to_string() });
    let answer = reqwest::Client::new().post(server.url("/timeline/ack")).json(&ack).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

#[tokio::test]
async fn a_new_device_has_the_whole_list_and_it_never_ends_silently() {
    const MANY: usize = 250;
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    many_wrote(&server, MANY).await;
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    alice.until(&format!("{ROWS} === 100 && {END} === 'Show more conversations'")).await;
    // The most recent is the first, with what was said and what is unread.
    let first = "document.querySelector('#list button.row')";
    assert_eq!(
        alice.value(&format!("['.row-title', '.row-preview', '.badge'].map(part => {first}.querySelector(part).textContent)")).await,
        json!([format!("person {:03}", MANY - 1), format!("hi from {}", MANY - 1), "1"])
    );
    // Whom the server does not list now, it lists when it is asked again.
    alice
        .value("(window.ask = fetch, window.fetch = (path, ...more) => String(path).startsWith('/timeline/conversations') ? Promise.reject(new TypeError('away')) : window.ask(path, ...more), true)")
        .await;
    alice.page.click("#list .list-end button").await.unwrap();
    alice.until(&format!("{END} === 'The list of conversations cannot be read now. Try again'")).await;
    alice.value("(window.fetch = window.ask, true)").await;
    alice.value("document.querySelector('#list .list-end button')?.click()").await;
    alice.until(&format!("{END} === 'Show more conversations'")).await;
    let scroll = "new Promise(done => { const frame = document.querySelector('.list-frame'); let steps = 0;
        const step = () => { if (document.querySelector('#list .list-end') === null || (steps += 1) > 2000) return done(steps <= 2000);
            frame.scrollTop = frame.scrollHeight; setTimeout(step, 20); };
        step(); })";
    assert_eq!(alice.value(scroll).await, true);
    assert_eq!(alice.value(ROWS).await, MANY);
    // However long the list is, the page is as high as its window.
    assert_eq!(alice.value("document.documentElement.scrollHeight <= innerHeight").await, true);
    alice.open("person 000").await;
    alice.sees(&["hi from 0"]).await;
    alice.sees_unread("direct:person 000", "").await;
}

#[tokio::test]
async fn the_list_is_ordered_by_what_came_last_and_has_the_titles_of_groups() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let titles =
        "JSON.stringify([...document.querySelectorAll('#list .row-title')].map(title => title.textContent))";
    let group = json!({ "from": "Bob", "group": "market~1", "name": "Market", "members": ["Bob", "Alice"], "text": "crates?", "id": "g" });
    let body = json!({ "from": "Bob", "group_name": "market~1", "group_members": ["Bob", "Alice"], "message": group.to_string(), "message_id": "g" });
    let answer =
        reqwest::Client::new().post(server.url("/timeline/sendGroup")).json(&body).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    store(&server, "Carol", "Alice", &json!({ "text": "hi" }).to_string()).await;
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    alice.until(&format!("{titles} === '[\"Carol\",\"Market\"]'")).await;
    store(&server, "Dave", "Alice", &json!({ "text": "hello" }).to_string()).await;
    alice.until(&format!("{titles} === '[\"Dave\",\"Carol\",\"Market\"]'")).await;
    alice.open_key("group:market~1").await;
    alice.say("I bring them").await;
    alice.until(&format!("{titles} === '[\"Market\",\"Dave\",\"Carol\"]'")).await;
    alice.had_no_trouble();
}

#[tokio::test]
async fn a_conversation_that_was_cleared_elsewhere_leaves_the_list() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    for name in ["Bob", "Carol"] {
        store(&server, name, "Alice", &json!({ "text": format!("from {name}") }).to_string()).await;
    }
    let profile = chromium.profile().await.unwrap();
    let alice = Person::enter(&profile, &server, "Alice").await;
    alice.sees_unread("direct:Bob", "1").await;
    alice.page.close().await.unwrap();
    let clear = json!({ "member": "Alice", "with": "Bob" });
    let answer =
        reqwest::Client::new().post(server.url("/timeline/clear")).json(&clear).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    let alice = Person::enter(&profile, &server, "Alice").await;
    alice.sees_unread("direct:Carol", "1").await;
    alice.until("document.querySelector('#list button[data-key=\"direct:Bob\"]') === null").await;
    // It comes back with its next message, and without those before.
    store(&server, "Bob", "Alice", &json!({ "text": "again" }).to_string()).await;
    alice.sees_unread("direct:Bob", "1").await;
    alice.open("Bob").await;
    alice.sees(&["again"]).await;
    alice.had_no_trouble();
}

/// The list on a connection of the test, and a server whose answers are the test's.
const LIST: &str = "
    const { Catalogue } = await import('/assets/catalogue.js');
    const pages = [], ask = window.fetch;
    let answer = () => Response.json({ conversations: [], more: true, next: 'second' });
    window.fetch = (path, ...more) => {
        const url = new URL(path, location.href);
        if (url.pathname !== '/timeline/conversations') return ask(path, ...more);
        pages.push(url.searchParams.get('after'));
        return Promise.resolve(answer());
    };
    const book = { conversations: new Map(), noteSummary() {}, unlist() {} };
    const list = new Catalogue('Alice', book, connection, life.signal);
    const cut = () => tell('message', { channel: '$read:Alice', text: JSON.stringify({ cut: true }) });
";

#[tokio::test]
async fn a_list_that_may_lack_something_is_read_again_also_by_who_scrolls_on() {
    let test = "
        await list.load();
        cut();
        await list.loadMore();
        return pages;
    ";
    let Some(pages) = run(&[CONNECTION, LIST, test].concat()).await else { return };
    assert_eq!(pages, json!([null, "second", null, "second"]));
}

#[tokio::test]
async fn a_list_that_may_lack_something_is_not_read_before_the_time_that_the_server_named() {
    let test = "
        answer = () => Response.json({ message: 'later' }, { status: 503, headers: { 'Retry-After': '30' } });
        const delays = [];
        let stopped = 0;
        window.setTimeout = (work, delay) => delays.push(delay);
        window.clearTimeout = () => { stopped += 1; };
        await list.load();
        const before = [delays.length, stopped];
        cut();
        const after = [delays.length, stopped];
        return { pages, isNamed: delays.includes(30_000), isKept: String(before) === String(after) };
    ";
    let Some(found) = run(&[CONNECTION, LIST, test].concat()).await else { return };
    assert_eq!(found, json!({ "pages": [null], "isNamed": true, "isKept": true }));
}
