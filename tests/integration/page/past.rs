//! A server whose messages were set back, as when a backup is restored.

use std::path::Path;

use serde_json::json;
use test_support::{Chromium, require};
use tests::Tidings;

use super::isolation::store;
use super::modules::run;
use super::person::Person;

/// Lets the answers about the inbox come later than the page would tell how far something is read.
const SLOW_INBOX: &str =
    "(window.ask = fetch, window.fetch = (path, ...more) => String(path).startsWith('/timeline/sync')
    ? window.ask(path, ...more).then(answer => new Promise(resolve => setTimeout(resolve, 1_000, answer)))
    : window.ask(path, ...more), true)";

const NOTICE: &str = "(notice => notice.hidden ? '' : notice.textContent)(document.querySelector('#notice'))";

async fn send(server: &Tidings, texts: &[&str]) {
    for text in texts {
        let message =
            json!({ "id": text, "from": "Bob", "to": "Alice", "text": text, "at": 1_790_000_000_000_u64 });
        store(server, "Bob", "Alice", &message.to_string()).await;
    }
}

pub(super) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let target = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            copy(&file.path(), &target);
        } else {
            std::fs::copy(file.path(), target).unwrap();
        }
    }
}

/// Alice has read nine messages of Bob, of which a backup has the first three; `others` are in her
/// inbox beside those.
async fn nine_of_which_a_backup_has_three(server: &mut Tidings, alice: &Person, backup: &Path, others: u64) {
    send(server, &["one", "two", "three"]).await;
    alice.sees_unread("direct:Bob", "3").await;
    server.kill();
    copy(&server.data_dir(), backup);
    server.start_again();
    alice.connected().await;
    send(server, &["old 4", "old 5", "old 6", "old 7", "old 8", "old 9"]).await;
    alice.open("Bob").await;
    alice.sees(&["one", "two", "three", "old 4", "old 5", "old 6", "old 7", "old 8", "old 9"]).await;
    // The browser keeps how far she has read a moment later: a page that is closed before that is
    // of the past that the backup has.
    let kept = "JSON.parse(localStorage.getItem('tidings:1:Alice:book'))?.cursor";
    alice.until(&format!("{kept} === {}", 9 + others)).await;
    server.kill();
    alice.disconnected().await;
    std::fs::remove_dir_all(server.data_dir()).unwrap();
    copy(backup, &server.data_dir());
}

#[tokio::test]
async fn a_restored_backup_is_noticed_and_its_new_messages_are_shown() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let mut server = Tidings::start();
    let backup = tempfile::tempdir().unwrap();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    nine_of_which_a_backup_has_three(&mut server, &alice, backup.path(), 0).await;
    server.start_again();
    alice.connected().await;
    alice.until(&format!("{NOTICE}.includes('were set back')")).await;
    send(&server, &["new 4", "new 5", "new 6", "new 7"]).await;
    alice.sees(&["one", "two", "three", "new 4", "new 5", "new 6", "new 7"]).await;
    // What she says there arrives.
    alice.say("I see").await;
    alice.all_are("Sent").await;
    alice.page.reload().await.unwrap();
    alice.sees(&["one", "two", "three", "new 4", "new 5", "new 6", "new 7", "I see"]).await;
}

#[tokio::test]
async fn a_restored_backup_that_has_grown_past_the_page_is_noticed_too() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let mut server = Tidings::start();
    let backup = tempfile::tempdir().unwrap();
    let profile = chromium.profile().await.unwrap();
    let alice = Person::enter(&profile, &server, "Alice").await;
    nine_of_which_a_backup_has_three(&mut server, &alice, backup.path(), 0).await;
    alice.page.close().await.unwrap();
    server.start_again();
    // More than she had read, before she comes back: her position is a place of another past.
    let new: Vec<String> = (4..=12).map(|number| format!("new {number}")).collect();
    let new: Vec<&str> = new.iter().map(String::as_str).collect();
    send(&server, &new).await;
    let page = profile.page().await.unwrap();
    page.open(&server.url("/")).await.unwrap();
    // The list is there first, and the page knows of more that was read than the server does. That
    // is of the other past: told, it would make six messages read that nobody has seen.
    page.evaluate::<bool>(SLOW_INBOX).await.unwrap();
    let alice = Person::come_in(page, "Alice").await;
    alice.until(&format!("{NOTICE}.includes('were set back')")).await;
    // Three of them she has read, in the past that both have in common.
    alice.sees_unread("direct:Bob", "9").await;
    // The server has it so, too, and another device of hers.
    let elsewhere = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    elsewhere.sees_unread("direct:Bob", "9").await;
    alice.open("Bob").await;
    alice.sees(&[&["one", "two", "three"], &new[..]].concat()).await;
}

#[tokio::test]
async fn what_was_read_before_a_backup_was_restored_is_not_new() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let mut server = Tidings::start();
    let backup = tempfile::tempdir().unwrap();
    let profile = chromium.profile().await.unwrap();
    let alice = Person::enter(&profile, &server, "Alice").await;
    // Not opened, now or then.
    let unread = json!({ "id": "c", "from": "Carol", "to": "Alice", "text": "unread", "at": 1 });
    store(&server, "Carol", "Alice", &unread.to_string()).await;
    nine_of_which_a_backup_has_three(&mut server, &alice, backup.path(), 1).await;
    server.start_again();
    alice.connected().await;
    alice.until(&format!("{NOTICE}.includes('were set back')")).await;
    alice.sees(&["one", "two", "three"]).await;
    alice.open("Carol").await;
    alice.sees(&["unread"]).await;
    alice.sees_unread("direct:Bob", "").await;
    send(&server, &["new 4", "new 5"]).await;
    alice.sees_unread("direct:Bob", "2").await;
    // Set back once more, and seen by a visit of its own.
    alice.page.close().await.unwrap();
    server.kill();
    std::fs::remove_dir_all(server.data_dir()).unwrap();
    copy(backup.path(), &server.data_dir());
    server.start_again();
    send(&server, &["newer 4"]).await;
    let alice = Person::enter(&profile, &server, "Alice").await;
    alice.until(&format!("{NOTICE}.includes('were set back')")).await;
    alice.sees_unread("direct:Bob", "1").await;
    alice.sees_unread("direct:Carol", "").await;
    alice.until("document.title.startsWith('(1) ')").await;
}

#[tokio::test]
async fn an_answer_from_before_a_doubt_does_not_end_it() {
    let test = "
        const { Inbox } = await import('/assets/inbox.js');
        const told = [];
        const tell = what => () => told.push(what);
        const heard = { apply() {}, passed() {}, failed() {}, restarted: tell('restarted'), assured: tell('assured') };
        const inbox = new Inbox('Alice', { sequence: 9, tag: '1', generation: '1' }, heard);
        const answers = [{ latestSeq: '9' }, { latestSeq: '12', reset: true }, { latestSeq: '0' }];
        window.fetch = async () => {
            // With the first answer on its way there is a new connection, to another past.
            if (answers.length === 3) inbox.doubt();
            return new Response(JSON.stringify({ generation: '1', floor: '0', entrySet: [], ...answers.shift() }));
        };
        await inbox.catchUp();
        return [told, inbox.sure];
    ";
    let Some(found) = run(test).await else { return };
    assert_eq!(found, json!([["restarted", "assured"], true]));
}

#[tokio::test]
async fn a_message_is_not_changed_where_another_may_lie() {
    let test = "
        const { revise, withdraw } = await import('/assets/revision.js');
        const asked = [], conversation = { kind: 'direct', peer: 'Bob' }, record = { sequence: 9, raw: '{}' };
        window.fetch = async path => (asked.push(path), new Response('{}'));
        const failed = change => change.then(() => false, error => error.message.includes('not up to date'));
        const refused = [
            await failed(revise(conversation, 'Alice', record, 'new', false)),
            await failed(withdraw(conversation, 'Alice', record, false)),
        ];
        await revise(conversation, 'Alice', record, 'new', true);
        await withdraw(conversation, 'Alice', record, true);
        return [refused, asked];
    ";
    let Some(found) = run(test).await else { return };
    assert_eq!(found, json!([[true, true], ["/timeline/edit", "/timeline/recall"]]));
}
