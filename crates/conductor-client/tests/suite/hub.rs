//! With a real hub: binds, writes, and what a restart of it does.

use std::time::Duration;

use conductor_client::protocol::{Message, Opcode};
use conductor_client::{Client, ErrorKind, Event};
use conductor_hub::{Admission, Auth, Denied, Disconnect, Handshake, Hooks};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::support::{bound, connect, next, next_end, next_message, quick, serve};

#[tokio::test]
async fn what_one_writes_the_other_members_get_in_order() {
    let (_hub, url) = serve(Hooks::default()).await;
    let (alice, mut of_alice) = bound(&url, "news").await;
    let (_bob, mut of_bob) = bound(&url, "news").await;
    for number in 0..1_000 {
        alice.write("news", format!("{number}")).await.expect("the hub takes it");
    }
    for number in 0..1_000 {
        let message = next_message(&mut of_bob).await;
        assert_eq!((message.opcode, message.channel.as_str()), (Opcode::WRITE, "news"));
        assert_eq!(message.body, format!("{number}"));
    }
    // Alice does not hear herself.
    alice.settle().await.expect("the hub answers");
    let (carol, _) = bound(&url, "news").await;
    carol.write("news", "and me").await.expect("the hub takes it");
    assert_eq!(next_message(&mut of_alice).await.body, "and me");
}

#[tokio::test]
async fn who_has_unbound_hears_nothing_and_a_bind_twice_is_one() {
    let (hub, url) = serve(Hooks::default()).await;
    let (bob, mut messages) = bound(&url, "news").await;
    bob.bind("news").await.expect("the name is short");
    bob.bind("tea").await.expect("the name is short");
    bob.settle().await.expect("the hub answers");
    assert_eq!(hub.publish("news", "once").expect("it fits"), 1);
    assert_eq!(next_message(&mut messages).await.body, "once");
    bob.unbind("news").await.expect("the name is short");
    bob.settle().await.expect("the hub answers");
    assert_eq!(hub.publish("news", "not heard").expect("it fits"), 0);
    assert_eq!(hub.publish("tea", "heard").expect("it fits"), 1);
    assert_eq!(next_message(&mut messages).await.body, "heard");
    assert_eq!(bob.channels(), ["tea"]);
}

#[tokio::test]
async fn a_restart_is_told_and_the_binds_come_back() {
    let (hub, url) = serve(Hooks::default()).await;
    let (client, mut messages) = bound(&url, "news").await;
    let connection = hub.connections().next().expect("it is there");
    connection.close(Disconnect::Restart);
    let how = next_end(&mut messages).await;
    assert_eq!((how.code, how.text.as_str(), how.comes_back()), (Some(1012), "service restart", true));
    assert_eq!(next(&mut messages).await, Event::Connected);
    client.settle().await.expect("it is back");
    assert_eq!(hub.publish("news", "again").expect("it fits"), 1);
    assert_eq!(next_message(&mut messages).await.body, "again");
}

#[tokio::test]
async fn who_is_kicked_stays_away_and_everything_says_so() {
    let (hub, url) = serve(Hooks::default()).await;
    let (client, mut messages) = bound(&url, "news").await;
    hub.connections().next().expect("it is there").close(Disconnect::Kicked);
    let how = next_end(&mut messages).await;
    assert_eq!((how.code, how.comes_back()), (Some(4004), false));
    let last = messages.next().await.expect("why it is over").expect_err("it is over");
    assert_eq!(last.kind(), ErrorKind::Refused);
    assert!(messages.next().await.is_none());
    for done in [client.write("news", "hi").await, client.bind("tea").await, client.settle().await] {
        assert_eq!(done.expect_err("it is over").kind(), ErrorKind::Refused);
    }
    // So does a subscription that comes too late.
    let mut late = client.messages();
    assert_eq!(late.next().await.expect("why").expect_err("it is over").kind(), ErrorKind::Refused);
    assert!(late.next().await.is_none());
}

/// Admits whoever has the token.
struct Token;

#[async_trait::async_trait]
impl Auth for Token {
    async fn admit(&self, handshake: &Handshake<'_>) -> Result<Admission, Denied> {
        let token = handshake.request.headers.get(AUTHORIZATION);
        let is_right = token.is_some_and(|token| token == "Bearer right");
        if is_right { Ok(Admission::user("alice")) } else { Err(Denied::unauthorized()) }
    }
}

#[tokio::test]
async fn a_login_goes_in_the_headers_and_without_it_nobody_comes_in() {
    let (hub, url) = serve(Hooks::default().auth(Token)).await;
    let headers = HeaderMap::from_iter([(AUTHORIZATION, "Bearer right".parse().expect("a header"))]);
    let alice = Client::connect(quick(&*url).headers(headers)).await.expect("the token is right");
    assert_eq!(hub.connections().next().expect("it is there").user(), Some("alice"));
    assert!(alice.is_connected());
    let error = Client::connect(quick(&*url)).await.expect_err("there is no token");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("401"), "{error}");
}

#[tokio::test]
async fn what_a_hub_would_close_the_connection_over_is_not_sent() {
    let (_hub, url) = serve(Hooks::default()).await;
    let client = connect(&url).await;
    let long = "n".repeat(513);
    let too_long = client.write("news", vec![0; 256_000]).await;
    for refused in [client.bind(&long).await, client.write(&*long, "hi").await, too_long] {
        assert_eq!(refused.expect_err("it is too long").kind(), ErrorKind::InvalidInput);
    }
    for opcode in [Opcode::CLEAN_UP, Opcode::META_QUERY, Opcode::BIND, Opcode::STREAM_WRITE] {
        let refused = client.send(&Message::new(opcode, "news", "")).await;
        assert_eq!(refused.expect_err("it is no client's").kind(), ErrorKind::InvalidInput, "{opcode:?}");
    }
    client.settle().await.expect("the connection is still there");
    assert!(client.shutdown(Duration::from_secs(60)).await);
}
