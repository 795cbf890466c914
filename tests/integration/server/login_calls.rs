//! Logins over the connection itself, their end, and what their rights permit.

use std::time::{Duration, UNIX_EPOCH};

use identity::{Grants, Scope};
use serde_json::{Value, json};
use tests::Tidings;
use tidings::hub::protocol::{Message, Opcode};

use super::client::Client;
use super::listener::Listener;
use crate::handshake;
use crate::issuer::{Issuer, new_token, wall_time};

/// Long enough for a busy machine to do what comes before it.
const SHORT: u64 = 4;
const LONG: u64 = 3_600;
/// What a close within a second may take on a busy machine, from the second of the expiry on.
const PROMPT: Duration = Duration::from_secs(3);

async fn login(client: &mut Client, token: &str) -> Value {
    client.call("", json!({ "call": "login", "token": token })).await
}

async fn refresh(client: &mut Client, token: &str) -> Value {
    client.call("", json!({ "call": "refresh", "token": token })).await
}

/// Everything sent before has taken effect when this is answered.
async fn ping(client: &mut Client) {
    assert_eq!(client.call("", json!({ "call": "ping" })).await, json!({}));
}

async fn write(client: &mut Client, channel: &str, body: &str) {
    client.send(&Message::new(Opcode::WRITE, channel, body.to_owned())).await;
}

fn error(answer: &Value) -> &str {
    answer["error"].as_str().unwrap_or_else(|| panic!("{answer} is no refusal"))
}

#[tokio::test]
async fn a_connection_logs_in_by_its_first_call_and_does_nothing_before() {
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    let mut bob = Client::connect_as(&server, &issuer.token("bob", LONG)).await;
    bob.bind("hello").await;
    ping(&mut bob).await;

    let mut alice = Client::connect(&server, "").await;
    ping(&mut alice).await;
    alice.bind("hello").await;
    for call in ["who", "hello", "refresh", "history"] {
        let refused = alice.call("hello", json!({ "call": call, "token": "t" })).await;
        assert!(error(&refused).starts_with("log in first: "), "{refused}");
    }
    write(&mut bob, "hello", "too early for alice").await;
    ping(&mut bob).await;
    let answer = login(&mut alice, &issuer.token("alice", LONG)).await;
    assert_eq!(answer["user"], "alice");
    let now = u64::try_from(wall_time().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let left = answer["expiresAtMs"].as_u64().unwrap() - now;
    assert!(left > 1_000 && left <= LONG * 1_000, "{left}");
    assert!(error(&login(&mut alice, &issuer.token("alice", LONG)).await).contains("refresh"));

    alice.bind("hello").await;
    ping(&mut alice).await;
    write(&mut bob, "hello", "\"hi\"").await;
    assert_eq!(alice.heard("hello").await, "hi");
    let received = alice.call("", json!({ "call": "received", "sequence": 0 })).await;
    assert_eq!(received, json!({ "member": "alice", "sequence": "0" }));
}

#[tokio::test]
async fn who_does_not_log_in_within_five_seconds_is_closed() {
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    let mut nobody = Client::connect(&server, "").await;
    ping(&mut nobody).await;
    assert_eq!(nobody.closed().await, 4302);
}

#[tokio::test]
async fn three_wrong_tokens_close_the_connection_that_gave_them() {
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    let mut eve = Client::connect(&server, "").await;
    for _ in 0..2 {
        let refused = login(&mut eve, "eyJhbGciOiJub25lIn0.e30.").await;
        assert!(!error(&refused).contains("last"), "{refused}");
    }
    let refused = login(&mut eve, "no token at all").await;
    assert!(error(&refused).contains("the last of 3 tries"), "{refused}");
    assert_eq!(eve.closed().await, 4302);
    // A wrong try is forgotten with the right one.
    let mut alice = Client::connect(&server, "").await;
    error(&login(&mut alice, "no token at all").await);
    assert_eq!(login(&mut alice, &issuer.token("alice", LONG)).await["user"], "alice");
}

#[tokio::test]
async fn a_login_that_ends_closes_its_connection_with_4200_within_a_second() {
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    let (begun, token) = (wall_time(), issuer.token("alice", SHORT));
    let mut by_header = Client::connect_as(&server, &token).await;
    let mut by_call = Client::connect(&server, "").await;
    login(&mut by_call, &token).await;
    for client in [&mut by_header, &mut by_call] {
        assert_eq!(client.closed().await, 4200);
        let after = wall_time().duration_since(begun).unwrap();
        // Tokens have whole seconds, so the first of them may have begun before.
        assert!(after >= Duration::from_secs(SHORT - 1), "{after:?}");
        assert!(after < Duration::from_secs(SHORT) + PROMPT, "{after:?}");
    }
}

#[tokio::test]
async fn a_refresh_keeps_a_connection_beyond_its_first_login() {
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    let token = issuer.token("alice", SHORT);
    let mut refreshed = Client::connect_as(&server, &token).await;
    let mut left_alone = Client::connect_as(&server, &token).await;
    let answer = refresh(&mut refreshed, &issuer.token("alice", LONG)).await;
    assert_eq!(answer["user"], "alice");
    assert_eq!(left_alone.closed().await, 4200);
    ping(&mut refreshed).await;
}

#[tokio::test]
async fn a_refresh_by_the_token_of_another_user_changes_nothing() {
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    let mut alice = Client::connect_as(&server, &issuer.token("alice", SHORT)).await;
    let service = new_token("alice", LONG).scopes([Scope::Api].into_iter().collect());
    for token in [issuer.token("bob", LONG), issuer.sign(&service)] {
        let refused = refresh(&mut alice, &token).await;
        assert!(error(&refused).contains("another user"), "{refused}");
    }
    error(&refresh(&mut alice, "no token at all").await);
    ping(&mut alice).await;
    assert_eq!(alice.closed().await, 4200);
}

#[tokio::test]
async fn a_refresh_with_fewer_rights_takes_channels_away() {
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    let with = |patterns: &[&str]| {
        let grants = Grants::default().bind(patterns.iter().copied());
        issuer.sign(&new_token("alice", LONG).grants(grants))
    };
    let mut alice = Client::connect_as(&server, &with(&["news", "room:*"])).await;
    for channel in ["news", "room:1", "secret", "$presence"] {
        alice.bind(channel).await;
    }
    ping(&mut alice).await;
    let mut bob = Client::connect_as(&server, &issuer.token("bob", LONG)).await;
    for channel in ["news", "room:1", "secret"] {
        bob.bind(channel).await;
    }
    let say_all = async |bob: &mut Client| {
        for channel in ["secret", "room:1", "news"] {
            write(bob, channel, "1").await;
        }
        ping(bob).await;
    };
    say_all(&mut bob).await;
    let channels = [next_of_clients(&mut alice).await, next_of_clients(&mut alice).await];
    assert_eq!(channels, ["room:1", "news"]);

    assert_eq!(refresh(&mut alice, &with(&["news"])).await["user"], "alice");
    say_all(&mut bob).await;
    assert_eq!(next_of_clients(&mut alice).await, "news");
    // What is the server's own stays: who is online, and the inbox.
    let carol = Client::connect_as(&server, &issuer.token("carol", LONG)).await;
    while alice.heard("$presence").await["id"] != "carol" {}
    drop(carol);
}

/// The channel of the next message that a client has written.
async fn next_of_clients(client: &mut Client) -> String {
    loop {
        let message = client.next().await;
        if !message.channel.starts_with('$') {
            return message.channel;
        }
    }
}

#[tokio::test]
async fn history_is_read_where_the_right_to_it_is() {
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    let grants = Grants::default().bind(["*"]).write(["news"]).history(["news"]);
    let token = issuer.sign(&new_token("alice", LONG).grants(grants));
    let mut alice = Client::connect_as(&server, &token).await;
    for channel in ["news", "hello"] {
        alice.bind(channel).await;
        write(&mut alice, channel, "1").await;
    }
    let history = json!({ "call": "history" });
    alice.send(&Message::new(Opcode::SERVER, "news", history.to_string())).await;
    assert_eq!(alice.next().await.channel, "news");
    assert_eq!(alice.next().await.body, r#"{"count":1}"#);
    let refused = alice.call("hello", history.clone()).await;
    assert!(error(&refused).contains("may not read"), "{refused}");
    // What may not be written was not kept.
    let mut bob = Client::connect_as(&server, &issuer.token("bob", LONG)).await;
    assert_eq!(bob.call("hello", history).await, json!({ "count": 0 }));
}

#[tokio::test]
async fn a_service_is_connected_and_is_no_user() {
    let issuer = Issuer::new();
    let server = issuer.start(&["--presence-grace=10ms"]);
    let token = new_token("shop", LONG).scopes([Scope::Presence].into_iter().collect());
    let mut shop = Client::connect(&server, "").await;
    assert_eq!(login(&mut shop, &issuer.sign(&token)).await["user"], Value::Null);
    shop.bind("$presence").await;
    ping(&mut shop).await;
    let refused = shop.call("", json!({ "call": "received", "sequence": 0 })).await;
    assert!(error(&refused).contains("timelines"), "{refused}");
    // Receipts need another scope, whatever the patterns of its rights are.
    let refused = shop.call("$received:alice", json!({ "call": "history" })).await;
    assert!(error(&refused).contains("may not read"), "{refused}");
    let _alice = Client::connect_as(&server, &issuer.token("alice", LONG)).await;
    // Nobody came online before her.
    assert_eq!(shop.heard("$presence").await["id"], "alice");
}

#[tokio::test]
async fn a_stream_of_presence_ends_with_the_login_of_its_caller() {
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    let mut listener = Listener::open_as(&server, &issuer.token("alice", SHORT)).await;
    listener.snapshot().await;
    let last = listener.next().await.unwrap();
    assert_eq!((last.event.as_str(), last.data), ("ended", json!({ "reason": "expired" })));
    assert_eq!(listener.next().await, None);
}

#[tokio::test]
async fn with_logins_a_name_in_the_query_is_refused() {
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    assert_eq!(handshake::status(&server, "?user=alice", &[]).await, 400);
    let answer = reqwest::Client::new().get(server.url("/presence/events"));
    assert_eq!(answer.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn without_logins_there_is_nothing_to_log_in_with() {
    let server = Tidings::start();
    let mut alice = Client::connect(&server, "?user=alice").await;
    for answer in [login(&mut alice, "t").await, refresh(&mut alice, "t").await] {
        assert!(error(&answer).contains("no logins"), "{answer}");
    }
}

#[tokio::test]
async fn too_many_calls_are_refused_with_a_time_and_the_connection_stays() {
    let server = Tidings::start_with(&["--limit-calls=1/0/0"]);
    let mut alice = Client::connect(&server, "?user=alice").await;
    let call = json!({ "call": "ping" });
    let mut answered = 0;
    let refused = loop {
        let answer = alice.call("", call.clone()).await;
        if answer != json!({}) {
            break answer;
        }
        answered += 1;
    };
    assert!(answered >= 10, "{answered}");
    assert_eq!(error(&refused), "too many calls; try again in 1 s");
    assert!((1..=1_000).contains(&refused["retryAfterMs"].as_u64().unwrap()), "{refused}");
    // There is room for one with each second.
    while alice.call("", call.clone()).await != json!({}) {}
}

#[tokio::test]
async fn messages_are_counted_over_all_connections_of_a_user() {
    let issuer = Issuer::new();
    // Twenty at once.
    let server = issuer.start(&["--limit-messages=0/2/0"]);
    let token = issuer.token("alice", LONG);
    let mut first = Client::connect_as(&server, &token).await;
    let mut second = Client::connect_as(&server, &token).await;
    first.bind("hello").await;
    for _ in 0..15 {
        write(&mut first, "hello", "1").await;
    }
    ping(&mut first).await;
    second.bind("hello").await;
    for _ in 0..17 {
        write(&mut second, "hello", "1").await;
    }
    let told: Value = serde_json::from_slice(&second.next().await.body).unwrap();
    assert!(error(&told).starts_with("too many messages; try again in "), "{told}");
    assert_eq!(second.closed().await, 4102);
    // Another user has room of their own.
    let mut bob = Client::connect_as(&server, &issuer.token("bob", LONG)).await;
    bob.bind("hello").await;
    write(&mut bob, "hello", "1").await;
    ping(&mut bob).await;
}

#[tokio::test]
async fn a_connection_over_its_own_limit_hears_when_to_come_back_before_it_is_closed() {
    // Ten at once, and nothing is counted over several connections.
    let server = Tidings::start_with(&["--limit-binds=1/0/0"]);
    let mut alice = Client::connect(&server, "?user=alice").await;
    for number in 0..10 {
        alice.bind(&format!("channel {number}")).await;
    }
    ping(&mut alice).await;
    // On a busy machine there may be room again for one or two.
    let told = loop {
        alice.bind("one too many").await;
        if let Ok(told) = tokio::time::timeout(Duration::from_millis(100), alice.next()).await {
            break told;
        }
    };
    let told: Value = serde_json::from_slice(&told.body).unwrap();
    assert_eq!(error(&told), "too many binds; try again in 1 s");
    assert!((1..=1_000).contains(&told["retryAfterMs"].as_u64().unwrap()), "{told}");
    assert_eq!(alice.closed().await, 4102);
}
