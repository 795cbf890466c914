//! Calls of the hub's program.

use std::sync::Arc;
use std::time::Duration;

use conductor_client::protocol::{Message, Opcode};
use conductor_client::{ErrorKind, Event};
use conductor_hub::{Answer, Connection, Handler, Hooks};

use crate::support::{connect, next, next_message, serve, visited};

/// Answers twice: with what was asked, and with a word more.
struct Echo;

impl Handler for Echo {
    fn call(&self, _connection: &Arc<Connection>, call: Message) -> Answer {
        let more = Message::with_uuid(Opcode::SERVER, call.uuid.clone(), "", "more");
        Answer::many([call, more])
    }
}

#[tokio::test]
async fn each_call_gets_its_answer_and_what_comes_behind_it_is_an_event() {
    let (_hub, url) = serve(Hooks::default().handler(Echo)).await;
    let client = connect(&url).await;
    let mut messages = client.messages();
    let (one, two) = tokio::join!(client.call("a", "one"), client.call("b", "two"));
    let (one, two) = (one.expect("it is answered"), two.expect("it is answered"));
    assert_eq!([&*one.body, &*two.body], [&b"one"[..], b"two"]);
    for call in [one, two] {
        let more = next_message(&mut messages).await;
        assert_eq!((more.uuid, &*more.body), (call.uuid, &b"more"[..]));
    }
    client.server_message("", "no call").await.expect("the hub takes it");
    assert_eq!(next_message(&mut messages).await.body, "no call");
}

#[tokio::test]
async fn a_call_that_nobody_answers_ends_in_time() {
    let (_hub, client, mut visitor) = visited(|config| config.call_timeout(Duration::from_millis(20))).await;
    let error = client.call("", "anybody?").await.expect_err("nobody answers");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    // A late answer is an event like any other.
    let mut messages = client.messages();
    let call = visitor.expect(Opcode::SERVER, "").await;
    visitor.send(&Message::with_uuid(Opcode::SERVER, call.uuid, "", "too late")).await;
    let Event::Message(late) = next(&mut messages).await else { panic!("no message") };
    assert_eq!(late.body, "too late");
}

#[tokio::test]
async fn a_call_on_a_connection_that_is_lost_may_have_been_worked_on() {
    let (_hub, client, mut visitor) = visited(|config| config).await;
    let (error, ()) = tokio::join!(client.call("", "anybody?"), async {
        visitor.expect(Opcode::SERVER, "").await;
        drop(visitor);
    });
    assert_eq!(error.expect_err("it is lost").kind(), ErrorKind::Uncertain);
}

#[tokio::test]
async fn one_call_more_than_may_wait_is_refused_and_those_before_go_on() {
    let (_hub, client, mut visitor) = visited(|config| config.calls_max(1)).await;
    let (first, second) = tokio::join!(client.call("", "one"), async {
        let call = visitor.expect(Opcode::SERVER, "").await;
        let second = client.call("", "two").await;
        visitor.send(&call).await;
        second
    });
    assert_eq!(second.expect_err("one waits").kind(), ErrorKind::Busy);
    assert_eq!(first.expect("it is answered").body, "one");
}
