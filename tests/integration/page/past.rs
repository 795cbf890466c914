//! A server whose messages were set back, as when a backup is restored.

use std::path::Path;

use serde_json::json;
use test_support::{Chromium, require};
use tests::Tidings;

use super::isolation::store;
use super::person::Person;

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
    // The browser keeps how far she has read a moment later: a page that is closed before that is of
    // the past that the backup has.
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
    let alice = Person::enter(&profile, &server, "Alice").await;
    alice.until(&format!("{NOTICE}.includes('were set back')")).await;
    // Three of them she has read, in the past that both have in common.
    alice.sees_unread("direct:Bob", "9").await;
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
