//! What is unread, in whatever order the list, the inbox and the cursors of other devices come.

use serde_json::json;
use test_support::{Chromium, require};
use tests::Tidings;

use super::isolation::store;
use super::modules::run;
use super::person::Person;

/// Alice's book, what it tells, and Bob's messages as the inbox, the list and the server have them.
const BOOK: &str = "
    const { Book } = await import('/assets/book.js');
    const conversation = { key: 'direct:Bob', kind: 'direct', peer: 'Bob', title: 'Bob', members: [] };
    const said = place => ({ conversation, place, from: 'Bob', text: `${place}`, at: place, storedAt: place, gone: null });
    const listed = (unread, read, latest) =>
        ({ unread, read, latest, capped: false, peerRead: 0, floor: 0, at: latest, title: '', last: null });
    const told = [];
    const opened = () => {
        const life = new AbortController(), book = new Book('Alice', life.signal);
        for (const type of ['read', 'doubt']) book.on(type, () => told.push(type));
        const hear = (...places) => {
            for (const place of places) {
                book.advance({ sequence: place, tag: null, generation: '1' });
                book.note(said(place), place);
            }
        };
        const known = () => {
            const { unread, readPlace, top } = book.conversations.get('direct:Bob');
            return { unread, readPlace, top };
        };
        return { book, hear, known, close: () => life.abort() };
    };
";

/// Runs a test with the book, and compares what it returns.
async fn check(test: &str, expected: serde_json::Value) {
    let Some(found) = run(&[BOOK, test].concat()).await else { return };
    assert_eq!(found, expected);
}

#[tokio::test]
async fn who_leaves_before_the_server_knows_what_was_read_finds_the_rest_unread() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let message =
        |text: &str| json!({ "id": text, "from": "Alice", "to": "Bob", "text": text, "at": 1 }).to_string();
    let profile = chromium.profile().await.unwrap();
    let bob = Person::enter(&profile, &server, "Bob").await;
    // The server never hears what this page has read.
    bob.value("(window.ask = fetch, window.fetch = (path, ...more) => String(path) === '/timeline/read' ? new Promise(() => {}) : window.ask(path, ...more), true)")
        .await;
    store(&server, "Alice", "Bob", &message("one")).await;
    bob.sees_unread("direct:Alice", "1").await;
    bob.open("Alice").await;
    bob.sees_unread("direct:Alice", "").await;
    let kept = "JSON.parse(localStorage.getItem('tidings:1:Bob:book'))?.conversations";
    bob.until(&format!("{kept}?.some(entry => entry.readPlace === 1)")).await;
    // Away from it, so that what comes is not read, and then away from the page.
    bob.page.open("about:blank").await.unwrap();
    for text in ["two", "three", "four"] {
        store(&server, "Alice", "Bob", &message(text)).await;
    }
    let elsewhere = Person::enter(&profile, &server, "Bob").await;
    elsewhere.sees_unread("direct:Alice", "3").await;
    elsewhere.open("Alice").await;
    elsewhere.sees(&["one", "two", "three", "four"]).await;
    elsewhere.sees_unread("direct:Alice", "").await;
    elsewhere.had_no_trouble();
}

#[tokio::test]
async fn what_left_the_inbox_while_a_page_was_away_is_shown_before_it_is_read() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let message =
        |text: &str| json!({ "id": text, "from": "Alice", "to": "Bob", "text": text, "at": 1 }).to_string();
    let bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    store(&server, "Alice", "Bob", &message("one")).await;
    bob.open("Alice").await;
    bob.sees(&["one"]).await;
    bob.page.offline(true).await.unwrap();
    bob.disconnected().await;
    for text in ["two", "three"] {
        store(&server, "Alice", "Bob", &message(text)).await;
    }
    let ack = json!({ "member": "Bob", "sequence": "3" });
    let answer = reqwest::Client::new().post(server.url("/timeline/ack")).json(&ack).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    bob.page.offline(false).await.unwrap();
    bob.connected().await;
    bob.sees(&["one", "two", "three"]).await;
    bob.sees_unread("direct:Alice", "").await;
}

#[tokio::test]
async fn a_list_that_does_not_know_what_was_read_here_leaves_the_rest_to_be_counted() {
    let test = "
        const { book, hear, known } = opened();
        hear(1);
        book.read('direct:Bob', 1);
        told.length = 0;
        book.noteSummary(conversation, listed(4, 0, 4));
        const before = [...told];
        hear(2, 3, 4);
        const counted = known();
        book.count(book.conversations.get('direct:Bob'), listed(3, 1, 4));
        return [before, counted, known()];
    ";
    let known = json!({ "unread": 3, "readPlace": 1, "top": 4 });
    check(test, json!([["read", "doubt"], known, known])).await;
}

#[tokio::test]
async fn what_the_list_told_before_the_inbox_did_is_not_read_by_being_kept() {
    let test = "
        const first = opened();
        first.hear(1);
        first.book.read('direct:Bob', 1);
        first.close();
        const second = opened();
        second.book.noteSummary(conversation, listed(3, 1, 4));
        told.length = 0;
        // It is kept, and so joined with what was kept before.
        second.close();
        const kept = second.known(), third = opened();
        third.hear(2, 3, 4);
        return [told, kept, third.known()];
    ";
    let known = json!({ "unread": 3, "readPlace": 1, "top": 4 });
    check(test, json!([[], known, known])).await;
}

#[tokio::test]
async fn what_one_tab_has_read_takes_nothing_from_what_another_has_heard_since() {
    let test = "
        const reader = opened(), other = opened();
        reader.hear(1, 2);
        other.hear(1, 2, 3);
        reader.book.read('direct:Bob', 2);
        told.length = 0;
        const entry = other.book.conversations.get('direct:Bob');
        reader.close();
        const newValue = localStorage.getItem('tidings:1:Alice:book');
        dispatchEvent(new StorageEvent('storage', { key: 'tidings:1:Alice:book', newValue }));
        // An answer that was on its way to it still finds it.
        return [told, other.known(), entry === other.book.conversations.get('direct:Bob')];
    ";
    check(test, json!([["doubt"], { "unread": 1, "readPlace": 2, "top": 3 }, true])).await;
}

#[tokio::test]
async fn an_answer_from_before_the_last_message_is_asked_for_again() {
    let test = "
        const { Reads } = await import('/assets/reads.js');
        const { book, hear, known } = opened(), life = new AbortController();
        const answers = [listed(2, 0, 2), listed(2, 0, 3)];
        window.fetch = async () => {
            const answer = answers.shift();
            // While the first one is on its way one more comes.
            if (answer.latest === 2) hear(3);
            else book.on('change', () => known().unread === 2 && done(), life.signal);
            return new Response(JSON.stringify(answer));
        };
        let done;
        const answered = new Promise(resolve => (done = resolve));
        new Reads('Alice', book, { on() {} }, life.signal, () => true);
        hear(1, 2);
        // One of the two is gone.
        book.noteChange('direct:Bob', { kind: 'recall', target: 1, place: 2, at: 2, edited: null });
        const late = new Promise(resolve => setTimeout(resolve, 30_000, 'it is not asked again'));
        return await Promise.race([answered, late]) ?? known();
    ";
    check(test, json!({ "unread": 2, "readPlace": 0, "top": 3 })).await;
}

#[tokio::test]
async fn what_was_read_is_not_told_to_a_server_that_may_have_another_past() {
    let test = "
        const { Reads } = await import('/assets/reads.js');
        const { book, hear } = opened(), timers = [], posted = [];
        window.setTimeout = run => timers.push(run) + 1_000_000;
        const allDue = async () => { for (const run of timers.splice(0)) await run(); };
        window.fetch = async (path, { body }) => {
            posted.push(JSON.parse(body).sequence);
            return new Response('{}');
        };
        let sure = false;
        const reads = new Reads('Alice', book, { on() {} }, new AbortController().signal, () => sure);
        hear(1, 2);
        book.read('direct:Bob', 2);
        await allDue();
        const early = posted.length;
        sure = true;
        reads.assured();
        await allDue();
        // It was set back: what was read there is no news here.
        sure = false;
        hear(3);
        book.read('direct:Bob', 3);
        reads.startOver();
        sure = true;
        reads.assured();
        await allDue();
        return [early, posted];
    ";
    check(test, json!([0, ["2"]])).await;
}

#[tokio::test]
async fn a_purge_takes_nothing_from_what_came_after_it() {
    let test = "
        const { book, hear, known } = opened();
        hear(1, 2);
        book.noteSummary(conversation, listed(2, 0, 5));
        told.length = 0;
        book.noteChange('direct:Bob', { kind: 'purge', target: 2, place: 3, at: 3, edited: null });
        return [told, known()];
    ";
    check(test, json!([["doubt"], { "unread": 2, "readPlace": 0, "top": 5 }])).await;
}

#[tokio::test]
async fn whoever_writes_has_read_up_to_their_own_message_and_a_change_says_nothing_of_it() {
    let test = "
        const { book } = opened();
        const peerRead = () => book.conversations.get('direct:Bob').peerRead;
        book.note({ ...said(1), from: 'Alice', verified: true }, 1);
        const before = peerRead();
        book.note({ ...said(2), verified: true }, 2);
        const answered = peerRead();
        book.noteChange('direct:Bob', { kind: 'edit', target: 2, place: 3, at: 3, edited: null });
        // The server does not say whose it is.
        book.note({ ...said(4), verified: false }, 3);
        return [before, answered, peerRead()];
    ";
    check(test, json!([0, 2, 2])).await;
}

#[tokio::test]
async fn what_another_device_has_read_before_it_came_here_is_read() {
    let test = "
        const { book, hear, known } = opened();
        book.readTo('direct:Bob', 2);
        hear(1, 2, 3);
        return known();
    ";
    check(test, json!({ "unread": 1, "readPlace": 2, "top": 3 })).await;
}

#[tokio::test]
async fn only_what_was_shown_is_read() {
    let test = "
        const { Thread } = await import('/assets/thread.js');
        const entry = sequence => ({ sequence, message: `${sequence}`, id: `${sequence}`, kind: 'message', from: 'Bob', to: 'Alice', group: null, at: null });
        const pages = [[entry(1), entry(2)], [entry(3)], []];
        const asked = [];
        const thread = new Thread(conversation, 'Alice', async (_, range) => {
            asked.push(range.last ?? 'newest');
            return { entries: pages.shift(), more: false };
        });
        const { book, hear, known } = opened();
        hear(1, 2);
        await thread.open();
        // The list tells of two that the inbox did not bring, and of a change behind them.
        book.noteSummary(conversation, listed(4, 0, 4));
        told.length = 0;
        book.read('direct:Bob', thread.reach);
        const [read, reports] = [known(), [...told]];
        await thread.reachTo(4);
        await thread.reachTo(4);
        book.read('direct:Bob', thread.reach);
        return [asked, read.readPlace, reports, known()];
    ";
    let known = json!({ "unread": 0, "readPlace": 4, "top": 4 });
    check(test, json!([["newest", 2], 2, ["doubt", "read"], known])).await;
}
