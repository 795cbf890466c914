//! What programs test their hooks with.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::test_util::{self, TestClient};
use conductor_hub::{
    Admission, Answer, Disconnect, ErrorKind, Hooks, LateAnswer, PeerAddress, Right, Rights,
};

use crate::support::Client;

#[tokio::test]
async fn a_client_without_a_socket_gets_what_others_send() {
    let hub = test_util::hub(Hooks::default());
    let mut alice = TestClient::connect(&hub, Admission::user("alice").bound_to("hello")).unwrap();
    assert_eq!(
        (alice.connection().user(), hub.members("hello"), hub.stats().connections),
        (Some("alice"), 1, 1)
    );
    assert_eq!(hub.connection(alice.connection().id()).unwrap().id(), alice.connection().id());
    // Of every length that a frame says in another way.
    let mut sent = Vec::new();
    for len in [0, 100, 125, 126, 60_000, 70_000] {
        let message = Message::new(Opcode::SERVER, "", "x".repeat(len));
        alice.connection().send(&message).unwrap();
        sent.push(message);
    }
    assert_eq!(alice.received(), sent);
    assert!(alice.received().is_empty());
    // Several messages of a row are in one frame.
    let mut bob = Client::bound(&hub, "hello").await;
    let said = [bob.write("hello", "one").await, bob.write("hello", "two").await];
    for message in said {
        assert_eq!(alice.next().await, Some(message));
    }
    assert_eq!(hub.publish("hello", "three").unwrap(), 2);
    assert_eq!(alice.next().await.unwrap().body, "three");
    assert_eq!(bob.next().await.body, "three");
    drop(alice);
    assert_eq!((hub.members("hello"), hub.stats().connections), (1, 1));
    assert!(!hub.shutdown(Duration::ZERO).await, "bob is there");
    let refused = TestClient::connect(&hub, Admission::default()).expect_err("the hub is closed");
    assert_eq!(refused.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_client_without_a_socket_sees_the_end_behind_the_last_word() {
    let hub = test_util::hub(Hooks::default());
    let mut alice = TestClient::connect(&hub, Admission::default()).unwrap();
    assert_eq!(alice.closed(), None);
    let last = Message::new(Opcode::SERVER, "", "last word");
    LateAnswer::new(alice.connection()).send(&last).unwrap();
    alice.connection().close(Disconnect::Kicked);
    assert_eq!(alice.closed(), Some(Disconnect::Kicked));
    assert_eq!((alice.next().await, alice.next().await), (Some(last), None));
}

#[tokio::test]
async fn a_client_without_a_socket_has_what_its_admission_says() {
    let hub = test_util::hub(Hooks::default());
    let rights = Rights::default().channel(Right::Write, "news");
    let admission = Admission::user("alice").bound_to("hello").rights(rights).data(7_u32);
    let mut alice = TestClient::connect(&hub, admission).unwrap();
    let connection = Arc::clone(alice.connection());
    assert_eq!(connection.data().get::<u32>().as_deref(), Some(&7));
    assert!(connection.permits(Right::Write, "news") && !connection.permits(Right::Bind, "news"));
    assert!(hub.bind(&connection, "news").unwrap() && hub.unbind(&connection, "hello"));
    assert_eq!(hub.publish("hello", "nobody hears this").unwrap(), 0);
    assert_eq!(hub.publish("news", "tea is ready").unwrap(), 1);
    assert_eq!(alice.received()[0].body, "tea is ready");
    assert_eq!(hub.connections_of("alice").len(), 1);
    drop(alice);
    assert_eq!((hub.connections_of("alice").len(), hub.stats().channels), (0, 0));
}

#[test]
fn a_handshake_has_what_its_request_says_and_a_number_of_its_own() {
    let hub = test_util::hub(Hooks::default());
    let (mut request, ()) = http::Request::get("/ws?alice").body(()).unwrap().into_parts();
    let (first, second) = (test_util::handshake(&hub, &request), test_util::handshake(&hub, &request));
    assert_eq!((first.request.uri.query(), first.peer), (Some("alice"), None));
    assert_ne!(first.connection, second.connection);
    let address = SocketAddr::from(([192, 0, 2, 1], 50_000));
    request.extensions.insert(PeerAddress::new(address));
    assert_eq!(test_util::handshake(&hub, &request).peer, Some(address));
}

#[test]
fn an_answer_says_of_which_messages_it_consists() {
    let message = |number: u8| Message::with_uuid(Opcode::SERVER, number.to_string(), "", "");
    let messages = |answer| test_util::messages_of(answer).collect::<Vec<_>>();
    assert!(messages(Answer::none()).is_empty());
    assert_eq!(messages(message(1).into()), [message(1)]);
    assert_eq!(messages(Answer::many((0..3).map(message))), [message(0), message(1), message(2)]);
}
