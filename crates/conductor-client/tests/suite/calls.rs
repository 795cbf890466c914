//! Calls of the hub's program.

use std::sync::Arc;
use std::time::Duration;

use conductor_client::protocol::{Message, Opcode};
use conductor_client::test_util::ScriptedHub;
use conductor_client::{Client, ErrorKind, Event};
use conductor_hub::{Answer, Connection, Handler, Hooks};
use tokio::io::AsyncReadExt;

use crate::support::{LONG, connect, next, next_end, next_message, quick, serve, stuck, visited};

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
async fn a_call_that_is_half_written_has_an_unknown_outcome_and_is_not_repeated() {
    let hub = ScriptedHub::listen().await.expect("a port is free");
    let config = quick(hub.url()).message_bytes_max(LONG + 1_000).unsent_bytes_max(2 * LONG);
    let client = Client::start(config).expect("the settings are right");
    let mut messages = client.messages();
    let mut socket = tokio_tungstenite::accept_async(hub.hang().await).await.expect("it shakes hands");
    let (error, mut visitor) = tokio::join!(client.call("", vec![0; LONG]), async {
        socket.get_mut().read_u8().await.expect("a byte of it comes");
        drop(socket);
        hub.accept().await
    });
    let error = error.expect_err("a part of it was written");
    assert_eq!(error.kind(), ErrorKind::Uncertain);
    assert!(error.to_string().contains("unknown"), "{error}");
    assert_eq!(next_end(&mut messages).await.unsent, 1);
    client.write("", "next").await.expect("it is back");
    visitor.expect(Opcode::WRITE, "").await;
}

#[tokio::test]
async fn a_call_of_which_no_byte_was_written_goes_out_again_after_the_reconnect() {
    let (hub, client, socket) = stuck(|config| config).await;
    let (answer, ()) = tokio::join!(client.call("", "once"), async {
        // The call waits behind what is stuck.
        drop(socket);
        let mut visitor = hub.accept().await;
        let call = visitor.expect(Opcode::SERVER, "").await;
        visitor.send(&call).await;
    });
    assert_eq!(answer.expect("it went out again").body, "once");
}

#[tokio::test]
async fn a_call_that_waits_for_room_when_the_connection_ends_goes_on_the_next() {
    let (hub, client, socket) = stuck(|config| config.unsent_max(1)).await;
    let (answer, ()) = tokio::join!(client.call("", "once"), async {
        drop(socket);
        let mut visitor = hub.accept().await;
        let call = visitor.expect(Opcode::SERVER, "").await;
        visitor.send(&call).await;
    });
    assert_eq!(answer.expect("it was sent once").body, "once");
}

#[tokio::test]
async fn a_call_that_could_not_be_sent_in_time_says_that_nothing_was() {
    let (hub, client, socket) = stuck(|config| config.call_timeout(Duration::from_secs(2))).await;
    let (error, ()) = tokio::join!(client.call("", "never"), async {
        drop((socket, hub));
    });
    let error = error.expect_err("there is no hub");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("nothing was sent"), "{error}");
}

#[tokio::test]
async fn pings_wait_for_room_like_messages() {
    let wait = Duration::from_millis(50);
    let (_hub, client, _socket) = stuck(|config| config.unsent_max(1).send_timeout(wait)).await;
    // Without a bound they would all be kept, and wait for the end of a call.
    let settled = tokio::time::timeout(Duration::from_secs(20), client.settle()).await;
    let error = settled.expect("it has no room").expect_err("nothing is taken");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("nothing was sent"), "{error}");
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
