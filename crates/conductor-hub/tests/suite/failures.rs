//! What clients that break rules, stall or vanish cause, and what ends a hub.

use std::time::Duration;

use bytes::Bytes;
use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::{Admission, Config, Disconnect, ErrorKind, Hooks, Hub};
use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite;

use crate::support::{Client, Heard};

fn hub(change: impl FnOnce(Config) -> Config) -> Hub {
    Hub::start(change(Config::default()), Hooks::default()).expect("configuration is valid")
}

#[tokio::test]
async fn truncated_message_closes_with_1007_and_is_not_delivered() {
    let hub = hub(|config| config);
    let mut alice = Client::bound(&hub, "hello").await;
    let mut bob = Client::bound(&hub, "hello").await;
    let truncated = [2, 0, 0, 0, 5, 0, b'h', b'e', b'l', b'l', b'o', 9, 0, 0, 0, b'h'];
    alice
        .socket
        .send(tungstenite::Message::Binary(Bytes::copy_from_slice(&truncated)))
        .await
        .expect("hub reads");
    assert_eq!(alice.close_code().await, Disconnect::InvalidPayload.code());
    bob.settle().await;
}

#[tokio::test]
async fn oversized_message_closes_with_1009_and_is_not_delivered() {
    let hub = hub(|config| config.message_bytes_max(1_000));
    let mut alice = Client::bound(&hub, "hello").await;
    let mut bob = Client::bound(&hub, "hello").await;
    let largest = "x".repeat(1_000 - 10 - 36 - 5);
    let sent = alice.write("hello", largest.clone()).await;
    assert_eq!(bob.next().await, sent);
    alice.write("hello", largest + "x").await;
    assert_eq!(alice.close_code().await, Disconnect::MessageTooBig.code());
    bob.settle().await;
}

#[tokio::test]
async fn connection_lost_inside_a_message_delivers_nothing() {
    let hub = hub(|config| config);
    let mut bob = Client::bound(&hub, "hello").await;
    let alice = Client::bound(&hub, "hello").await;
    let mut raw = alice.socket.into_inner();
    // A masked binary frame of 100,000 bytes, of which 1,000 come.
    let mut cut = vec![0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0x86, 0xA0, 0, 0, 0, 0];
    cut.extend([2, 0, 0, 0, 5, 0]);
    cut.extend([7; 994]);
    raw.write_all(&cut).await.expect("hub reads");
    drop(raw);
    while hub.members("hello") > 1 {
        tokio::task::yield_now().await;
    }
    bob.settle().await;
}

#[tokio::test]
async fn opcodes_of_servers_are_refused_from_clients() {
    let hub = hub(|config| config);
    for opcode in [Opcode::CLEAN_UP, Opcode::META_QUERY, Opcode::META_QUERY_RESPONSE] {
        let mut client = Client::bound(&hub, "hello").await;
        client.send(&Message::new(opcode, "", "")).await;
        assert_eq!(client.close_code().await, Disconnect::ForbiddenOpcode.code());
    }
}

#[tokio::test]
async fn what_was_accepted_before_a_fault_is_delivered() {
    let hub = hub(|config| config);
    let mut alice = Client::bound(&hub, "hello").await;
    let mut bob = Client::bound(&hub, "hello").await;
    let mut bytes = bytes::BytesMut::new();
    let good = Message::new(Opcode::WRITE, "hello", "good");
    good.encode(&mut bytes).expect("fits");
    // Both in one read.
    alice.socket.feed(tungstenite::Message::Binary(bytes.freeze())).await.expect("hub reads");
    alice.socket.feed(tungstenite::Message::Binary(Bytes::from_static(b"bad"))).await.expect("hub reads");
    alice.socket.flush().await.expect("hub reads");
    assert_eq!(bob.next().await, good);
    assert_eq!(alice.close_code().await, Disconnect::InvalidPayload.code());
}

#[tokio::test]
async fn too_many_channels_close_with_4003() {
    let hub = hub(|config| config.channels_per_connection_max(2));
    let mut alice = Client::bound(&hub, "a").await;
    alice.send(&Message::new(Opcode::BIND, "b", "")).await;
    alice.settle().await;
    alice.send(&Message::new(Opcode::BIND, "c", "")).await;
    assert_eq!(alice.close_code().await, Disconnect::TooManyChannels.code());
}

#[tokio::test]
async fn slow_reader_is_ended_and_delays_nobody() {
    let hub = hub(|config| config.message_bytes_max(4_096).outbox_bytes_max(64 * 1024));
    let mut slow = Client::connect_with(&hub, Admission::user("slow").bound_to("hello"), 1_024).await;
    let mut quick = Client::bound(&hub, "hello").await;
    for number in 0..200_u32 {
        // Never waits, whatever the slow one does.
        hub.publish("hello", number.to_string() + &"x".repeat(1_000)).expect("name is short");
        assert!(quick.next().await.body.starts_with(number.to_string().as_bytes()));
    }
    assert_eq!(hub.members("hello"), 1, "the slow reader is out");
    assert_eq!(slow.close_code().await, Disconnect::SlowReader.code());
}

#[tokio::test(start_paused = true)]
async fn reader_without_progress_is_ended_after_the_stall_timeout() {
    let hub = hub(|config| config.ping_interval(Duration::from_secs(60 * 60)));
    let stalled = Client::connect_with(&hub, Admission::user("stalled").bound_to("hello"), 64).await;
    while hub.members("hello") == 0 {
        tokio::task::yield_now().await;
    }
    hub.publish("hello", "x".repeat(500)).expect("name is short");
    tokio::time::sleep(Duration::from_millis(9_900)).await;
    assert_eq!(hub.members("hello"), 1);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(hub.members("hello"), 0);
    drop(stalled);
}

#[tokio::test(start_paused = true)]
async fn silent_client_is_pinged_and_then_ended() {
    let (lifecycle, mut heard) = Heard::new();
    let hooks = Hooks::default().lifecycle(lifecycle);
    let hub = Hub::start(Config::default(), hooks).expect("defaults are valid");
    let start = tokio::time::Instant::now();
    // Nobody polls this client, so nobody answers its pings.
    let silent = Client::connect_with(&hub, Admission::user("silent"), 4_096).await;
    assert_eq!(heard.recv().await.as_deref(), Some("silent connected"));
    loop {
        match heard.recv().await.as_deref() {
            // The first interval is cut at random; then it is judged by its last word.
            Some("silent alive") => {}
            other => {
                assert_eq!(other, Some("silent disconnected 4001"));
                break;
            }
        }
    }
    assert_eq!(start.elapsed().as_secs(), 60, "54 s of silence, 6 s to answer");
    drop(silent);
}

#[tokio::test(start_paused = true)]
async fn client_that_answers_pings_stays_and_is_reported_alive() {
    let (lifecycle, mut heard) = Heard::new();
    let hooks = Hooks::default().lifecycle(lifecycle);
    let hub = Hub::start(Config::default(), hooks).expect("defaults are valid");
    let mut client = Client::connect_with(&hub, Admission::user("alice"), 4_096).await;
    assert_eq!(heard.recv().await.as_deref(), Some("alice connected"));
    let mut last = tokio::time::Instant::now();
    let mut alive = 0;
    while alive < 10 {
        // Waiting for a message answers the pings meanwhile.
        tokio::select! {
            said = heard.recv() => {
                assert_eq!(said.as_deref(), Some("alice alive"));
                assert!(last.elapsed() <= Duration::from_secs(60), "{:?}", last.elapsed());
                last = tokio::time::Instant::now();
                alive += 1;
            }
            message = client.socket.next() => {
                assert!(matches!(message, Some(Ok(tungstenite::Message::Ping(_)))), "{message:?} came from nobody");
            }
        }
    }
}

#[tokio::test]
async fn shutdown_closes_with_1012_and_refuses_new_clients() {
    let hub = hub(|config| config);
    let mut alice = Client::bound(&hub, "hello").await;
    let (first, second) = (hub.shutdown(Duration::from_secs(60)), hub.shutdown(Duration::from_secs(60)));
    assert!(!hub.shutdown(Duration::ZERO).await, "alice is still there");
    let (code, first, second) = tokio::join!(alice.close_code(), first, second);
    assert_eq!((code, first, second), (Disconnect::Restart.code(), true, true));
    let (_ours, theirs) = tokio::io::duplex(64);
    let refused = hub.serve(theirs, Admission::default(), Bytes::new()).await.expect_err("hub is closed");
    assert_eq!(refused.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn dropping_the_last_handle_closes_every_connection() {
    let hub = hub(|config| config);
    let mut alice = Client::bound(&hub, "hello").await;
    drop(hub);
    assert_eq!(alice.close_code().await, Disconnect::Restart.code());
}

#[test]
fn value_out_of_its_bounds_is_named() {
    let config = Config::default().outbox_bytes_max(1);
    let error = Hub::start(config, Hooks::default()).expect_err("1 byte holds no message");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("outbox_bytes_max is 1"), "{error}");
}
