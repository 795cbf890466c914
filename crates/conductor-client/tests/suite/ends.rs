//! How a client begins and ends.

use std::time::Duration;

use bytes::Bytes;
use conductor_client::protocol::{MessageRef, Opcode};
use conductor_client::{Client, Config, ErrorKind};
use conductor_hub::{Admission, Hooks};
use futures_util::StreamExt;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::{WebSocketStream, tungstenite};
use tokio_util::task::TaskTracker;

use crate::support::{PATIENCE, bound, by_hand, connect, next_end, serve, stuck, visited};

#[tokio::test]
async fn a_shutdown_sends_what_was_accepted_and_says_goodbye() {
    let (_hub, client, mut visitor) = visited(|config| config).await;
    let mut messages = client.messages();
    for number in 0..100 {
        client.write("news", number.to_string()).await.expect("there is room");
    }
    let (is_done, code) = tokio::join!(client.shutdown(PATIENCE), async {
        for number in 0..100 {
            assert_eq!(visitor.expect(Opcode::WRITE, "news").await.body, number.to_string());
        }
        visitor.goodbye().await
    });
    assert_eq!((is_done, code), (true, 1000));
    assert!(client.shutdown(PATIENCE).await, "a second one finds the same end");
    let how = next_end(&mut messages).await;
    assert_eq!((how.unsent, how.comes_back()), (0, false));
    assert!(messages.next().await.is_none());
    for done in [client.write("news", "hi").await, client.bind("tea").await, client.connected().await] {
        assert_eq!(done.expect_err("it is over").kind(), ErrorKind::Closed);
    }
}

#[tokio::test]
async fn a_hub_that_does_not_answer_the_goodbye_holds_a_shutdown_up_no_longer_than_its_grace() {
    let (_hub, client, _visitor) = visited(|config| config).await;
    assert!(!client.shutdown(Duration::from_millis(20)).await);
    assert!(!client.is_connected());
}

#[tokio::test]
async fn a_shutdown_whose_grace_is_over_says_how_much_is_lost() {
    let (_hub, client, _socket) = stuck(|config| config).await;
    let mut messages = client.messages();
    client.write("news", "behind it").await.expect("there is room");
    assert!(!client.shutdown(Duration::from_millis(20)).await);
    let how = next_end(&mut messages).await;
    assert_eq!((how.unsent, how.comes_back()), (2, false));
    assert!(messages.next().await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_behind_an_upload_waits_until_the_hub_has_taken_all_of_it_for_a_slow_reader() {
    let (hub, url) = serve(Hooks::default()).await;
    // A reader without buffers of the system, so that the hub has to wait for it.
    let (ours, theirs) = tokio::io::duplex(16 * 1024);
    let serving = hub.serve(theirs, Admission::default().bound_to("files"), Bytes::new());
    TaskTracker::new().spawn(async move { serving.await.expect("the hub takes it") });
    let mut reader = WebSocketStream::from_raw_socket(ours, Role::Client, None).await;
    let (alice, _messages) = bound(&url, "files").await;
    while hub.members("files") < 2 {
        tokio::task::yield_now().await;
    }
    let mut dice = fastrand::Rng::with_seed(7);
    let sent: Vec<u8> = std::iter::repeat_with(|| dice.u8(..)).take(3_000_000).collect();
    let sending = async {
        alice.write_stream("files", &sent[..]).await.expect("all of it went");
        alice.shutdown(PATIENCE).await
    };
    let reading = async {
        let mut received = Vec::new();
        loop {
            let event = reader.next().await.expect("it stays").expect("in kind");
            let tungstenite::Message::Binary(bytes) = event else { continue };
            let message = MessageRef::decode(&bytes).expect("the hub sends messages");
            match message.opcode {
                Opcode::STREAM_WRITE => received.extend_from_slice(message.body),
                Opcode::STREAM_END => return (received, message.body.is_empty()),
                _ => {}
            }
            // A quarter of a megabyte in a second.
            sleep(Duration::from_millis(130)).await;
        }
    };
    let (is_done, (received, is_whole)) = tokio::join!(sending, reading);
    assert!(is_done, "the hub has answered");
    assert!(is_whole && received == sent, "{} of {} bytes came", received.len(), sent.len());
}

#[tokio::test]
async fn the_goodbye_comes_behind_the_answer_to_a_ping() {
    let (_hub, client, mut socket) = by_hand(|config| config).await;
    client.write("news", "the last").await.expect("there is room");
    let (is_done, ()) = tokio::join!(client.shutdown(PATIENCE), async {
        let mut next = async || socket.next().await.expect("it is there").expect("in kind");
        assert!(next().await.is_binary());
        assert!(next().await.is_ping());
        // The library answers it as it is read on.
        assert!(next().await.is_close());
        assert!(socket.next().await.is_none());
    });
    assert!(is_done);
}

#[tokio::test]
async fn a_shutdown_whose_connection_is_lost_is_not_taken_for_a_clean_one() {
    let (_hub, client, mut socket) = by_hand(|config| config).await;
    client.write("news", "the last").await.expect("there is room");
    let (is_done, ()) = tokio::join!(client.shutdown(PATIENCE), async move {
        assert!(socket.next().await.expect("it is there").expect("in kind").is_binary());
        // The ping behind it stays without an answer.
        drop(socket);
    });
    assert!(!is_done);
    assert!(!client.shutdown(PATIENCE).await, "a second one finds the same end");
}

#[tokio::test]
async fn the_last_handle_takes_the_connection_along() {
    let (hub, url) = serve(Hooks::default()).await;
    let client = connect(&url).await;
    let (clone, mut messages) = (client.clone(), client.messages());
    drop(client);
    clone.settle().await.expect("a clone keeps it");
    drop(clone);
    while messages.next().await.is_some() {}
    assert!(hub.shutdown(PATIENCE).await);
}

#[test]
fn it_works_on_a_runtime_of_one_thread() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it is there");
    runtime.block_on(async {
        let (_hub, client, mut visitor) = visited(|config| config).await;
        client.write("news", "hi").await.expect("there is room");
        visitor.expect(Opcode::WRITE, "news").await;
    });
}

#[test]
fn a_start_outside_a_runtime_or_with_settings_out_of_bounds_is_an_error() {
    for config in [
        Config::new("ws://127.0.0.1:1"),
        Config::new("http://127.0.0.1:1"),
        Config::new("ws://127.0.0.1:1").calls_max(0),
        Config::new("wss://127.0.0.1:1").authorities("no certificate"),
    ] {
        assert_eq!(Client::start(config).expect_err("it cannot start").kind(), ErrorKind::Config);
    }
}

#[tokio::test]
async fn a_hub_that_is_not_there_makes_connect_fail_at_its_first_attempt() {
    // Nothing listens at a port that was just given back.
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.local_addr().expect("it has an address").port()
    };
    let error = Client::connect(Config::new(format!("ws://127.0.0.1:{port}/?token=secret"))).await;
    let error = error.expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(!format!("{error:#} {error:?}").contains("secret"), "{error:#}");
}
