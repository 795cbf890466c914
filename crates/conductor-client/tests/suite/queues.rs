//! Subscriptions that are not read in time.

use conductor_client::protocol::{Message, Opcode};
use conductor_client::test_util::{ScriptedHub, Visitor};
use conductor_client::{Client, ErrorKind, Event, Policy};
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::support::{PATIENCE, next, next_message, quick, visited};

async fn send(visitor: &mut Visitor, count: usize) {
    for number in 0..count {
        visitor.send(&Message::new(Opcode::WRITE, "news", number.to_string())).await;
    }
}

/// Waits until the client has read what was sent to it.
async fn has_read(client: &Client, visitor: &mut Visitor) {
    let (answered, ()) = tokio::join!(client.call("", "all read?"), async {
        let call = visitor.expect(Opcode::SERVER, "").await;
        visitor.send(&call).await;
    });
    answered.expect("it is answered");
}

#[tokio::test]
async fn a_subscription_that_lags_learns_how_many_it_missed_and_goes_on() {
    let (_hub, client, mut visitor) = visited(|config| config.events_max(4)).await;
    let mut messages = client.messages();
    send(&mut visitor, 10).await;
    has_read(&client, &mut visitor).await;
    let error = messages.next().await.expect("an error").expect_err("six were dropped");
    assert_eq!((error.kind(), error.missed()), (ErrorKind::Lagged, Some(6)));
    for number in 6..10 {
        assert_eq!(next_message(&mut messages).await.body, number.to_string());
    }
}

#[tokio::test]
async fn a_subscription_that_closes_on_overflow_says_so() {
    let (_hub, client, mut visitor) = visited(|config| config.events_max(4).policy(Policy::Close)).await;
    let (mut slow, mut other) = (client.messages(), client.messages());
    send(&mut visitor, 4).await;
    has_read(&client, &mut visitor).await;
    for _ in 0..4 {
        next_message(&mut other).await;
    }
    send(&mut visitor, 1).await;
    next_message(&mut other).await;
    assert_eq!(slow.next().await.expect("an error").expect_err("it is closed").kind(), ErrorKind::Overflow);
    assert!(slow.next().await.is_none());
}

#[tokio::test]
async fn a_subscription_that_makes_the_client_wait_loses_nothing() {
    let (_hub, client, mut visitor) = visited(|config| config.events_max(4).policy(Policy::Wait)).await;
    let mut messages = client.messages();
    let dropped = client.messages();
    drop(dropped);
    send(&mut visitor, 1_000).await;
    for number in 0..1_000 {
        assert_eq!(next_message(&mut messages).await.body, number.to_string());
    }
}

#[tokio::test]
async fn a_subscription_that_makes_the_client_wait_keeps_nobody_from_sending() {
    let hub = ScriptedHub::listen().await.expect("a port is free");
    let config = quick(hub.url()).events_max(2).policy(Policy::Wait);
    let client = Client::start(config).expect("the settings are right");
    let mut messages = client.messages();
    // That it was connected, and is no more, is all that the subscription holds.
    drop(hub.accept().await);
    let mut visitor = hub.accept().await;
    client.connected().await.expect("it is back");
    client.write("news", "hi").await.expect("there is room");
    visitor.expect(Opcode::WRITE, "news").await;
    assert_eq!(next(&mut messages).await, Event::Connected);
    assert!(matches!(next(&mut messages).await, Event::Disconnected(_)));
    assert_eq!(next(&mut messages).await, Event::Connected);
}

#[tokio::test]
async fn a_subscription_that_makes_the_client_wait_does_not_hold_up_a_shutdown_between_connections() {
    let hub = ScriptedHub::listen().await.expect("a port is free");
    let config = quick(hub.url()).events_max(1).policy(Policy::Wait);
    let client = Client::start(config).expect("the settings are right");
    let mut messages = client.messages();
    let visitor = hub.accept().await;
    client.connected().await.expect("the hub has taken it in");
    drop(visitor);
    // That it was connected is all that the subscription holds; the loss waits to be told.
    while client.is_connected() {
        yield_now().await;
    }
    let ended = timeout(PATIENCE / 2, client.shutdown(PATIENCE)).await;
    assert!(ended.expect("nobody is waited for"));
    assert_eq!(next(&mut messages).await, Event::Connected);
    assert!(matches!(next(&mut messages).await, Event::Disconnected(_)));
    assert!(messages.next().await.is_none());
}

#[tokio::test]
async fn every_subscription_gets_everything_from_its_beginning_on() {
    let (_hub, client, mut visitor) = visited(|config| config).await;
    let mut first = client.messages();
    send(&mut visitor, 1).await;
    assert_eq!(next_message(&mut first).await.body, "0");
    let mut second = client.messages();
    send(&mut visitor, 1).await;
    for messages in [&mut first, &mut second] {
        let Event::Message(message) = next(messages).await else { panic!("no message") };
        assert_eq!(message.body, "0");
    }
    second.close();
    assert!(second.next().await.is_none());
}

#[tokio::test]
async fn bytes_that_are_no_message_end_the_connection_and_are_never_padded() {
    let (hub, client, mut visitor) = visited(|config| config).await;
    let mut messages = client.messages();
    visitor.send_bytes(&[2, 0, 0, 0, 0, 0, 5, 0, 0, 0, b'a'][..]).await;
    let Event::Disconnected(how) = next(&mut messages).await else { panic!("a message came") };
    assert!(how.text.contains("ends inside its body"), "{}", how.text);
    hub.accept().await;
}
