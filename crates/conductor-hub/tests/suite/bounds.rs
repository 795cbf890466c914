//! What clients cannot make the hub hold: names, messages that do not end, histories.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use conductor_hub::protocol::{Message, MessageRef, Opcode};
use conductor_hub::{
    Admission, Author, ChannelHistory, Config, Disconnect, HistoryConfig, Hooks, Hub, Storage,
};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_tungstenite::tungstenite;

use crate::support::Client;

fn hub(change: impl FnOnce(Config) -> Config) -> Hub {
    Hub::start(change(Config::default()), Hooks::default()).expect("configuration is valid")
}

/// Every opcode that carries the name of a channel.
const OPCODES: [Opcode; 9] = [
    Opcode::BIND,
    Opcode::UNBIND,
    Opcode::WRITE,
    Opcode::SERVER,
    Opcode::STREAM_START,
    Opcode::STREAM_WRITE,
    Opcode::STREAM_END,
    Opcode::META_QUERY,
    Opcode::from_wire(999),
];

#[tokio::test]
async fn a_name_that_is_too_long_closes_with_4300_wherever_it_stands() {
    let hub = hub(|config| config);
    for opcode in OPCODES {
        let mut client = Client::connect(&hub).await;
        client.send(&Message::new(opcode, "n".repeat(513), "")).await;
        assert_eq!(client.close_code().await, Disconnect::NameTooLong.code(), "{opcode:?}");
    }
    let mut client = Client::bound(&hub, &"n".repeat(512)).await;
    client.send(&Message::new(Opcode::BIND, format!("${}", "n".repeat(600)), "")).await;
    client.settle().await;
    assert_eq!(hub.stats().channels, 2);
}

#[tokio::test]
async fn the_names_of_a_connection_are_bounded_in_bytes() {
    let hub = hub(|config| config.name_bytes_max(65_535));
    let mut client = Client::connect(&hub).await;
    for number in 0..20 {
        client.send(&Message::new(Opcode::BIND, format!("{number:02}{}", "n".repeat(60_000)), "")).await;
        if number == 7 {
            client.settle().await;
            assert_eq!(hub.stats().channels, 8);
            // What is given back counts no more.
            client.send(&Message::new(Opcode::UNBIND, format!("00{}", "n".repeat(60_000)), "")).await;
        }
    }
    assert_eq!(client.close_code().await, Disconnect::TooManyChannels.code());
}

/// A name that is almost as long as one may be, unlike all others.
fn long_name(client: usize, number: usize) -> String {
    format!("{client:02} {number:02} {}", "n".repeat(500))
}

async fn bound_to_long_names(hub: &Hub, client: usize, names: usize) -> Client {
    let mut bound = Client::connect(hub).await;
    for number in 0..names {
        bound.send(&Message::new(Opcode::BIND, long_name(client, number), "")).await;
    }
    bound.settle().await;
    bound
}

#[tokio::test]
async fn names_are_bounded_over_all_connections_and_who_has_most_makes_room() {
    let most = 256 * 1024;
    let hub = hub(|config| config.binds_bytes_max(64 * 1024).all_binds_bytes_max(most));
    let mut receiver = Client::bound(&hub, "hello").await;
    let mut greedy = Vec::new();
    for client in 0..20 {
        greedy.push(bound_to_long_names(&hub, client, 60).await);
        let bytes = hub.stats().binds_bytes;
        assert!(bytes <= most, "{bytes} bytes after {client} clients");
    }
    // Whoever is bound to little stays, and new ones are taken in.
    let mut honest = Client::bound(&hub, "hello").await;
    let sent = honest.write("hello", "is there room?").await;
    assert_eq!(receiver.next().await, sent);
    // There is room for four of the others and not for five: each takes the place of the newest.
    for mut ended in greedy.drain(3..19) {
        assert_eq!(ended.close_code().await, Disconnect::NoRoomForChannels.code());
    }
    for stays in &mut greedy {
        stays.settle().await;
    }
    drop((greedy, honest, receiver));
    assert!(hub.shutdown(Duration::from_secs(60)).await);
    assert_eq!(hub.stats().binds_bytes, 0, "what is given back counts no more");
}

#[tokio::test]
async fn who_shares_long_names_with_others_stays_and_who_has_them_alone_makes_room() {
    let most = 256 * 1024;
    let hub = hub(|config| config.binds_bytes_max(64 * 1024).all_binds_bytes_max(most));
    // More names than those who come later, and of the same length, but all share them.
    let mut sharing = Vec::new();
    for _ in 0..10 {
        sharing.push(bound_to_long_names(&hub, 99, 60).await);
    }
    let mut greedy = Vec::new();
    for client in 0..6 {
        greedy.push(bound_to_long_names(&hub, client, 50).await);
    }
    // There is room for three of them beside the others: the first two and the one that came last.
    for mut ended in greedy.drain(2..5) {
        assert_eq!(ended.close_code().await, Disconnect::NoRoomForChannels.code());
    }
    for stays in greedy.iter_mut().chain(&mut sharing) {
        stays.settle().await;
    }
    assert!(hub.stats().binds_bytes <= most);
}

#[tokio::test]
async fn channels_of_an_admission_that_do_not_fit_are_no_secret() {
    let hub = hub(|config| config.channels_per_connection_max(1));
    let admission = Admission::user("alice").bound_to("a").bound_to("b");
    let mut client = Client::connect_with(&hub, admission, 4_096).await;
    assert_eq!(client.close_code().await, Disconnect::TooManyChannels.code());
}

/// The beginning of a masked binary frame of 255,000 bytes; so many of its bytes.
fn begun(bytes: usize) -> Vec<u8> {
    let mut begun = vec![0x82, 0xFF, 0, 0, 0, 0, 0, 3, 0xE4, 0x18, 0, 0, 0, 0];
    begun.resize(14 + bytes, 0);
    begun
}

/// A connection that is written to byte by byte.
fn raw(hub: &Hub) -> DuplexStream {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let serving = hub.serve(theirs, Admission::default(), Bytes::new());
    tokio_util::task::TaskTracker::new().spawn(async move { serving.await.expect("hub takes a connection") });
    ours
}

/// Answers pings until the connection ends; returns the code.
async fn pongs_until_closed(mut socket: DuplexStream) -> u16 {
    let mut head = [0; 2];
    loop {
        socket.read_exact(&mut head).await.expect("hub says why");
        let mut payload = vec![0; usize::from(head[1])];
        socket.read_exact(&mut payload).await.expect("frames are whole");
        match head[0] {
            0x89 => {}
            0x88 => return u16::from_be_bytes([payload[0], payload[1]]),
            other => panic!("frame {other:x}"),
        }
        // May stand between the fragments of a message.
        socket.write_all(&[0x8A, 0x80, 0, 0, 0, 0]).await.expect("hub reads");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_does_not_end_closes_with_4100_however_many_pongs_come() {
    let hub = hub(|config| config.ping_interval(Duration::from_secs(2)).pong_timeout(Duration::from_secs(1)));
    // A fragment, and a message whose end does not come; nothing but a header.
    let fragment = vec![0x02, 0x81, 0, 0, 0, 0, 7];
    for (beginning, pings) in [(fragment, true), (begun(1_000), false), (begun(0), false)] {
        let start = tokio::time::Instant::now();
        let mut socket = raw(&hub);
        socket.write_all(&beginning).await.expect("hub reads");
        let code = if pings {
            pongs_until_closed(socket).await
        } else {
            // A byte now and then, as slow as a client may be without being silent.
            let (mut reader, mut writer) = tokio::io::split(socket);
            let drip = async {
                while writer.write_all(&[0]).await.is_ok() {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            };
            let mut told = Vec::new();
            tokio::select! {
                () = drip => panic!("the hub ends it, and waits for our end"),
                read = async {
                    let mut byte = [0];
                    while told.len() < 4 && reader.read(&mut byte).await? == 1 {
                        told.push(byte[0]);
                    }
                    std::io::Result::Ok(())
                } => read.expect("hub says why"),
            }
            u16::from_be_bytes([told[2], told[3]])
        };
        assert_eq!(code, Disconnect::Unfinished.code());
        assert_eq!(start.elapsed().as_secs(), 30);
    }
}

#[tokio::test(start_paused = true)]
async fn a_busy_client_is_not_taken_for_one_that_does_not_finish() {
    let hub = hub(|config| config);
    let mut client = Client::connect_with(&hub, Admission::default(), 1_000).await;
    let start = tokio::time::Instant::now();
    let mut sent = 0;
    while start.elapsed() < Duration::from_secs(70) {
        // Larger than the stream, so that the hub always waits in the middle of one.
        let message = Message::new(Opcode::from_wire(999), "", vec![0; 3_000]);
        client.send(&message).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        sent += 1;
    }
    client.settle().await;
    assert!(sent > 100);
}

#[tokio::test]
async fn messages_that_do_not_end_are_bounded_over_all_connections() {
    let hub = hub(|config| config.unfinished_bytes_max(4 * 256_000));
    let mut open = Vec::new();
    for _ in 0..50 {
        let mut socket = raw(&hub);
        socket.write_all(&begun(254_000)).await.expect("hub reads");
        open.push(socket);
    }
    // Who finishes what it begins is not the one to go.
    let mut receiver = Client::bound(&hub, "hello").await;
    let mut honest = Client::bound(&hub, "hello").await;
    for _ in 0..20 {
        let sent = honest.write("hello", vec![b'x'; 200_000]).await;
        assert_eq!(receiver.next().await, sent);
    }
    let mut ended = 0;
    for mut socket in open.into_iter().take(45) {
        let mut frame = [0; 4];
        socket.read_exact(&mut frame).await.expect("hub says why");
        assert_eq!(u16::from_be_bytes([frame[2], frame[3]]), Disconnect::Unfinished.code());
        ended += 1;
    }
    assert_eq!(ended, 45);
}

/// Tries to get in; whoever is let in is served, and leaves at once.
async fn is_refused(hub: &Hub) -> bool {
    let (_ours, theirs) = tokio::io::duplex(1_024);
    let serving = hub.serve(theirs, Admission::default(), Bytes::new());
    tokio::time::timeout(Duration::from_millis(1), serving).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn clients_that_answer_no_ping_keep_nobody_out_for_long() {
    let hub = hub(|config| config.connections_max(2));
    let (_silent, alive) = (raw(&hub), raw(&hub));
    let tasks = tokio_util::task::TaskTracker::new();
    let mut alive = tasks.spawn(pongs_until_closed(alive));
    let start = tokio::time::Instant::now();
    while is_refused(&hub).await {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    // Silent for 6 s, asked, silent for 6 s more, and 5 s for a goodbye; not the half of a minute
    // or more after which everybody is asked.
    let taken = start.elapsed();
    assert!(taken < Duration::from_secs(20), "somebody is let in after {taken:?}");
    let stays = tokio::time::timeout(Duration::from_secs(300), &mut alive).await;
    assert!(stays.is_err(), "who answers stays: {stays:?}");
}

fn stored(history: &ChannelHistory, channel: &str, body: &[u8]) {
    let mut bytes = BytesMut::new();
    Message::new(Opcode::WRITE, channel, body.to_vec()).encode(&mut bytes).expect("fits");
    history.store(&Author::Server, MessageRef::decode(&bytes).expect("is a message"));
}

#[tokio::test(start_paused = true)]
async fn messages_of_a_history_have_an_age() {
    let history = Arc::new(ChannelHistory::new(HistoryConfig::default()).expect("defaults are valid"));
    stored(&history, "hello", b"old");
    tokio::time::advance(Duration::from_secs(23 * 60 * 60)).await;
    stored(&history, "hello", b"new");
    let mut begun = history.replay("hello", usize::MAX);
    assert_eq!(history.get("hello", 5).messages.len(), 2);
    tokio::time::advance(Duration::from_secs(2 * 60 * 60)).await;
    let kept = history.get("hello", 5).messages;
    assert_eq!((kept.len(), &*kept[0].body), (1, &b"new"[..]));
    assert_eq!(history.replay("hello", usize::MAX).count(), 1);
    assert_eq!(begun.next().map(|message| message.body), Some(Bytes::from_static(b"new")));
    assert_eq!(begun.not_given(), 1, "one was too old when its turn came");
    tokio::time::advance(Duration::from_secs(24 * 60 * 60)).await;
    assert!(history.get("hello", 5).messages.is_empty());
}

#[tokio::test]
async fn answers_to_pings_wait_for_the_client_too() {
    let hub = hub(|config| config.message_bytes_max(1_000).outbox_bytes_max(8 * 1024));
    let client = Client::connect_with(&hub, Admission::default(), 512).await;
    // More than the outbox and the stream hold, before one is read.
    let (mut pings, mut pongs) = client.socket.split();
    let send = async {
        for _ in 0..2_000 {
            pings.feed(tungstenite::Message::Ping(Bytes::from_static(&[7; 100]))).await.expect("hub reads");
        }
        pings.flush().await.expect("hub reads");
    };
    let receive = async {
        for _ in 0..2_000 {
            tokio::task::yield_now().await;
            assert!(pongs.next().await.expect("hub answers").expect("in kind").is_pong());
        }
    };
    tokio::join!(send, receive);
}
