//! Several tabs of one person.

use test_support::{Chromium, require};
use tests::Tidings;

use super::person::Person;

#[tokio::test]
async fn both_tabs_show_everything_once_and_share_what_is_read() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    let profile = chromium.profile().await.unwrap();
    let first = Person::enter(&profile, &server, "Alice").await;
    let second = Person::enter(&profile, &server, "Alice").await;
    bob.open("Alice").await;
    bob.say("hello both").await;
    first.sees_unread("direct:Bob", "1").await;
    second.sees_unread("direct:Bob", "1").await;
    first.open("Bob").await;
    first.sees(&["hello both"]).await;
    second.sees_unread("direct:Bob", "").await;
    // What one tab says the other shows, with its state.
    second.open("Bob").await;
    first.say("from the first").await;
    second.say("from the second").await;
    for person in [&first, &second, &bob] {
        person.until("document.querySelectorAll('.message').length === 3").await;
    }
    assert_eq!(first.texts().await, bob.texts().await);
    assert_eq!(second.texts().await, bob.texts().await);
    first.all_are("Delivered").await;
    second.all_are("Delivered").await;
}
