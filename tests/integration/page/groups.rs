//! Groups.

use test_support::{Chromium, require};
use tests::Tidings;

use super::person::Person;

#[tokio::test]
async fn a_group_reaches_all_its_members_and_nobody_else() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    let bob = Person::enter(&chromium.profile().await.unwrap(), &server, "Bob").await;
    let eve = Person::enter(&chromium.profile().await.unwrap(), &server, "Eve").await;
    alice.page.click("#new-group").await.unwrap();
    alice.page.fill("#group-name", "Market").await.unwrap();
    alice.page.click("#group-people input[value='Bob']").await.unwrap();
    alice.page.fill("#group-person", "Carol").await.unwrap();
    alice.page.press("Enter").await.unwrap();
    alice.page.click("#gather .primary").await.unwrap();
    alice.until("document.querySelector('#talk-detail').textContent === 'Alice, Carol, Bob'").await;
    alice.say("Who brings the crates?").await;

    // Bob finds the group by its message, and can answer it.
    bob.until(
        "[...document.querySelectorAll('#list .row-title')].some(title => title.textContent === 'Market')",
    )
    .await;
    bob.open_beginning("group:Market~").await;
    bob.sees(&["Who brings the crates?"]).await;
    bob.say("I do").await;
    alice.sees(&["Who brings the crates?", "I do"]).await;
    alice.until("document.querySelector('.message.is-theirs .author').textContent === 'Bob'").await;

    // Carol was away all the while.
    let carol = Person::enter(&chromium.profile().await.unwrap(), &server, "Carol").await;
    carol.open_beginning("group:Market~").await;
    carol.sees(&["Who brings the crates?", "I do"]).await;

    // A message to Eve alone shows that everything before it has arrived.
    alice.open("Eve").await;
    alice.say("Hi Eve").await;
    eve.sees_unread("direct:Alice", "1").await;
    assert_eq!(eve.value("document.querySelectorAll('[data-key^=\"group:\"]').length").await, 0);
    for person in [&alice, &bob, &carol, &eve] {
        person.had_no_trouble();
    }
}

#[tokio::test]
async fn two_groups_of_one_name_stay_apart() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let mut people = Vec::new();
    for (name, peer) in [("Alice", "Bob"), ("Carol", "Dave")] {
        let person = Person::enter(&chromium.profile().await.unwrap(), &server, name).await;
        person.page.click("#new-group").await.unwrap();
        person.page.fill("#group-name", "Team").await.unwrap();
        person.page.fill("#group-person", peer).await.unwrap();
        person.page.click("#gather .primary").await.unwrap();
        person.say(&format!("by {name}")).await;
        person.all_are("Sent").await;
        people.push(person);
    }
    for (person, name) in people.iter().zip(["Alice", "Carol"]) {
        person.page.reload().await.unwrap();
        person.sees(&[&format!("by {name}")]).await;
    }
}

#[tokio::test]
async fn the_dialog_filters_as_one_types_and_says_its_errors_at_the_field() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let server = Tidings::start();
    let alice = Person::enter(&chromium.profile().await.unwrap(), &server, "Alice").await;
    for name in ["Bob", "Carol", "Caspar"] {
        alice.write_to(name).await;
    }
    alice.page.click("#new-group").await.unwrap();
    alice.page.click("#gather .primary").await.unwrap();
    let says = |field: &str, text: &str| {
        format!(
            "(field => document.getElementById(field.getAttribute('aria-describedby').split(' ')[0]).textContent === '{text}'
                && field.hasAttribute('aria-invalid') === {})(document.querySelector('{field}'))",
            !text.is_empty()
        )
    };
    alice.until(&says("#group-name", "Type a name.")).await;
    alice.until(&says("#group-person", "Choose at least one person.")).await;
    alice.until("document.activeElement.id === 'group-name'").await;
    // An error goes once its field changes.
    alice.page.fill("#group-name", "Market").await.unwrap();
    alice.until(&says("#group-name", "")).await;

    let shown = "JSON.stringify([...document.querySelectorAll('#group-people li:not([hidden]) input')].map(box => box.value).sort())";
    alice.page.fill("#group-person", "CA").await.unwrap();
    alice.until(&format!("{shown} === '[\"Carol\",\"Caspar\"]'")).await;
    alice.until(&says("#group-person", "")).await;
    alice.page.click("#group-people input[value='Caspar']").await.unwrap();
    // Whoever is chosen stays in sight.
    alice.page.fill("#group-person", "bo").await.unwrap();
    alice.until(&format!("{shown} === '[\"Bob\",\"Caspar\"]'")).await;
    alice.page.fill("#group-person", "nobody").await.unwrap();
    alice.until(&format!("{shown} === '[\"Caspar\"]'")).await;
    alice.until("document.querySelector('#group-found').textContent.startsWith('Nobody')").await;
    alice.page.fill("#group-person", "Alice").await.unwrap();
    alice.page.press("Enter").await.unwrap();
    alice.until(&says("#group-person", "You are in the group anyway.")).await;
    alice.page.fill("#group-person", "Bob").await.unwrap();
    alice.page.click("#gather .primary").await.unwrap();
    alice.until("document.querySelector('#talk-detail').textContent === 'Alice, Caspar, Bob' || document.querySelector('#talk-detail').textContent === 'Alice, Bob, Caspar'").await;
    alice.had_no_trouble();
}
