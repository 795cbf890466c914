//! People whose browsers are at different servers.

use serde_json::json;
use test_support::{Chromium, Profile, Proxy, ProxyPlace, require};
use tests::Tidings;

use super::person::Person;
use crate::databases::{Databases, Mode};
use crate::front::{self, Balance};
use crate::looks::until;

#[tokio::test]
async fn people_at_different_servers_talk() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let Some(databases) = Databases::start(Mode::Redis).await else { return };
    let (one, other) = (databases.server(&[]).await, databases.server(&[]).await);
    let alice = Person::enter(&chromium.profile().await.unwrap(), &one, "Alice").await;
    let bob = Person::enter(&chromium.profile().await.unwrap(), &other, "Bob").await;
    talk(&alice, &bob).await;
    for person in [&alice, &bob] {
        person.had_no_trouble();
    }
}

/// Each sees the other come, and what the other writes.
async fn talk(alice: &Person, bob: &Person) {
    alice.sees_online("Bob", true).await;
    bob.sees_online("Alice", true).await;
    alice.open("Bob").await;
    alice.say("Hello Bob").await;
    bob.sees_unread("direct:Alice", "1").await;
    bob.open("Alice").await;
    bob.sees(&["Hello Bob"]).await;
    bob.say("Hello Alice").await;
    for person in [alice, bob] {
        person.sees(&["Hello Bob", "Hello Alice"]).await;
        // Each has the conversation on the screen, and the other server tells that it was read.
        person.all_are("Read").await;
    }
}

/// How many browsers each of two servers has.
async fn connections(servers: [&Tidings; 2]) -> [u32; 2] {
    let mut found = [0; 2];
    for (server, found) in servers.into_iter().zip(&mut found) {
        let text = reqwest::get(server.url("/metrics")).await.unwrap().text().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("tidings_hub_connections "));
        *found = line.expect("the server counts them").parse().unwrap();
    }
    found
}

/// How often somebody comes in until it is at the server that is wanted.
const TRIES: usize = 25;

/// Comes in through a proxy until the servers have so many browsers each.
async fn enter(
    profile: &Profile,
    place: &ProxyPlace,
    name: &str,
    servers: [&Tidings; 2],
    wanted: [u32; 2],
) -> Person {
    for _ in 0..TRIES {
        let page = profile.page().await.unwrap();
        // The proxy's certificate is of a CA that no browser knows.
        page.call("Security.setIgnoreCertificateErrors", json!({ "ignore": true })).await.unwrap();
        page.open(&format!("https://localhost:{}/", place.port)).await.unwrap();
        let person = Person::come_in(page, name).await;
        if connections(servers).await == wanted {
            return person;
        }
        person.page.close().await.unwrap();
        let others = wanted.iter().sum::<u32>() - 1;
        let gone = async || connections(servers).await.iter().sum::<u32>() == others;
        until("who has closed the page is gone", gone).await;
    }
    panic!("{name} does not come to the other server in {TRIES} times");
}

/// The proxy takes any of the two for each request, also of one browser.
#[tokio::test]
async fn people_behind_one_proxy_at_different_servers_see_each_other_and_talk() {
    let Some(chromium) = require(Chromium::start().await) else { return };
    let Some(databases) = Databases::start(Mode::Redis).await else { return };
    let flags = ["--trusted-proxies=127.0.0.1", "--presence-grace=50ms"];
    let (one, other) = (databases.server(&flags).await, databases.server(&flags).await);
    let proxy = Proxy::nginx(|place| front::nginx([&one, &other], place, Balance::Random)).await;
    let Some(proxy) = require(proxy) else { return };
    let (place, servers) = (proxy.place(), [&one, &other]);
    let (alices, bobs) = (chromium.profile().await.unwrap(), chromium.profile().await.unwrap());
    let alice = enter(&alices, place, "Alice", servers, [1, 0]).await;
    let bob = enter(&bobs, place, "Bob", servers, [1, 1]).await;
    talk(&alice, &bob).await;
    bob.page.close().await.unwrap();
    alice.sees_online("Bob", false).await;
}
