//! People whose browsers are at different servers.

use test_support::{Chromium, require};

use super::person::Person;
use crate::databases::{Databases, Mode};

#[tokio::test]
async fn people_at_different_servers_talk() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let Some(databases) = Databases::start(Mode::Redis).await else { return };
    let (one, other) = (databases.server(&[]).await, databases.server(&[]).await);
    let alice = Person::enter(&chromium.profile().await.unwrap(), &one, "Alice").await;
    let bob = Person::enter(&chromium.profile().await.unwrap(), &other, "Bob").await;
    alice.sees_online("Bob", true).await;
    alice.open("Bob").await;
    alice.say("Hello Bob").await;
    bob.sees_unread("direct:Alice", "1").await;
    bob.open("Alice").await;
    bob.sees(&["Hello Bob"]).await;
    bob.say("Hello Alice").await;
    for person in [&alice, &bob] {
        person.sees(&["Hello Bob", "Hello Alice"]).await;
        // Each has the conversation on the screen, and the other server tells that it was read.
        person.all_are("Read").await;
        person.had_no_trouble();
    }
}
