//! Streams: of any size, in order, to readers of any pace, and with an end in any case.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use conductor_hub::protocol::{Message, MessageRef, Opcode};
use conductor_hub::{Admission, Config, Connection, Disconnect, Hooks, Hub};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite;
use tokio_util::task::TaskTracker;

use crate::support::Client;

/// What the original's client reads from its source at once.
const PIECE: usize = 32 * 1024;

fn hub() -> Hub {
    Hub::start(Config::default(), Hooks::default()).expect("defaults are valid")
}

/// Bytes of which each place can be told from the others near it.
fn content(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|place| (place ^ (place >> 8) ^ (place >> 16)).to_le_bytes()[0]).collect()
}

/// Sends a stream as the original's client does: each message has a uuid of its own.
async fn send(sender: &mut Client, channel: &str, content: &[u8]) {
    sender.send(&Message::new(Opcode::STREAM_START, channel, "")).await;
    for piece in content.chunks(PIECE) {
        sender.send(&Message::new(Opcode::STREAM_WRITE, channel, piece.to_vec())).await;
    }
    sender.send(&Message::new(Opcode::STREAM_END, channel, "")).await;
}

/// Returns the next message; who reads slowly is sent pings meanwhile.
async fn next(reader: &mut Client) -> Message {
    loop {
        match reader.socket.next().await.expect("it is open").expect("in kind") {
            tungstenite::Message::Binary(bytes) => {
                return MessageRef::decode(&bytes).expect("the hub sends messages").to_message();
            }
            tungstenite::Message::Ping(_) => {}
            other => panic!("{other:?} is not a message"),
        }
    }
}

/// Receives a stream, and pauses so long after each of its pieces.
async fn receive(reader: &mut Client, pause: Duration) -> Vec<u8> {
    assert_eq!(next(reader).await.opcode, Opcode::STREAM_START);
    let mut content = Vec::new();
    loop {
        let message = next(reader).await;
        match message.opcode {
            Opcode::STREAM_WRITE => content.extend_from_slice(&message.body),
            Opcode::STREAM_END => {
                assert!(message.body.is_empty());
                return content;
            }
            other => panic!("{other:?} came in a stream"),
        }
        sleep(pause).await;
    }
}

/// After each piece so much, for a pace of so many bytes a second.
fn pause(bytes_per_second: usize) -> Duration {
    Duration::from_secs_f64(PIECE as f64 / bytes_per_second as f64)
}

const FAST: Duration = Duration::ZERO;

#[tokio::test(start_paused = true)]
async fn streams_reach_fast_and_slow_readers_byte_for_byte() {
    // Who is done early answers no pings while the others read.
    let config = Config::default().ping_interval(Duration::from_secs(3_600));
    let hub = Hub::start(config, Hooks::default()).expect("configuration is valid");
    let tasks = TaskTracker::new();
    let mut sender = Client::bound(&hub, "files").await;
    let mut readers = Vec::new();
    for pause in [FAST, pause(1024 * 1024), pause(100 * 1024)] {
        let reader = Client::connect_with(&hub, Admission::default().bound_to("files"), 16 * 1024).await;
        readers.push((reader, pause));
    }
    while hub.members("files") < 4 {
        tokio::task::yield_now().await;
    }
    for bytes in [3_000_000, 10_000_000, 3_000_000, 1] {
        let content = content(bytes);
        let mut reading = Vec::new();
        for (mut reader, pause) in readers.drain(..) {
            let expected = content.clone();
            reading.push(tasks.spawn(async move {
                assert!(receive(&mut reader, pause).await == expected, "{bytes} bytes at {pause:?}");
                (reader, pause)
            }));
        }
        send(&mut sender, "files", &content).await;
        for reader in reading {
            readers.push(reader.await.expect("nobody is closed, and nothing is missing"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_is_too_slow_is_closed_and_the_others_get_all() {
    let hub = hub();
    let tasks = TaskTracker::new();
    let mut sender = Client::bound(&hub, "files").await;
    let mut fast = Client::bound(&hub, "files").await;
    let mut slow = Client::connect_with(&hub, Admission::default().bound_to("files"), 16 * 1024).await;
    while hub.members("files") < 3 {
        tokio::task::yield_now().await;
    }
    let content = content(10_000_000);
    let expected = content.clone();
    let start = Instant::now();
    let receiving = tasks.spawn(async move {
        assert!(receive(&mut fast, FAST).await == expected);
        start.elapsed()
    });
    // 32 KiB a second. What it has read before its end is a part from the beginning.
    let reading = tasks.spawn(async move {
        let mut read = Vec::new();
        loop {
            match slow.socket.next().await.expect("the hub says why").expect("in kind") {
                tungstenite::Message::Binary(bytes) => {
                    let message = MessageRef::decode(&bytes).expect("is a message");
                    read.extend_from_slice(message.body);
                }
                tungstenite::Message::Close(frame) => {
                    return (read, start.elapsed(), u16::from(frame.expect("with a code").code));
                }
                _ => {}
            }
            sleep(Duration::from_secs(1)).await;
        }
    });
    send(&mut sender, "files", &content).await;
    let taken = receiving.await.expect("the fast one stays");
    assert!(taken < Duration::from_secs(12), "{taken:?} for one slow reader");
    let (read, closed, code) = reading.await.expect("the slow one is told");
    assert_eq!(code, Disconnect::SlowReader.code());
    assert!(closed < Duration::from_secs(12) && content.starts_with(&read), "{closed:?}");
}

#[tokio::test(start_paused = true)]
async fn two_senders_on_one_channel_are_interleaved_each_in_its_order() {
    let hub = hub();
    let tasks = TaskTracker::new();
    let mut reader = Client::connect_with(&hub, Admission::default().bound_to("files"), 4_096).await;
    let mut senders = Vec::new();
    for uuid in ["of alice", "of bob"] {
        let sender = Client::bound(&hub, "files").await;
        let (mut writes, mut reads) = sender.socket.split();
        tasks.spawn(async move { while reads.next().await.is_some() {} });
        senders.push(tasks.spawn(async move {
            // As our client sends it: one uuid for all messages of a stream.
            let say = |opcode, body: Vec<u8>| {
                let mut bytes = BytesMut::new();
                Message::with_uuid(opcode, uuid, "files", body).encode(&mut bytes).expect("fits");
                tungstenite::Message::Binary(bytes.freeze())
            };
            writes.send(say(Opcode::STREAM_START, Vec::new())).await.expect("hub reads");
            for piece in content(1_000_000).chunks(PIECE) {
                writes.send(say(Opcode::STREAM_WRITE, piece.to_vec())).await.expect("hub reads");
            }
            writes.send(say(Opcode::STREAM_END, Vec::new())).await.expect("hub reads");
            writes
        }));
    }
    let mut streams = std::collections::BTreeMap::<String, (Vec<u8>, bool)>::new();
    while streams.values().filter(|(_, ended)| *ended).count() < 2 {
        let message = reader.next().await;
        let (content, ended) = streams.entry(message.uuid.clone()).or_default();
        assert!(!*ended, "{message:?} came behind the end");
        content.extend_from_slice(&message.body);
        *ended = message.opcode == Opcode::STREAM_END;
    }
    let expected = content(1_000_000);
    assert!(streams.len() == 2 && streams.values().all(|(content, _)| *content == expected));
    for sender in senders {
        drop(sender.await.expect("nobody is closed"));
    }
}

/// Begins a stream, sends a piece, and returns the uuid of its begin; the reader has both.
async fn begun(sender: &mut Client, reader: &mut Client) -> String {
    let start = Message::new(Opcode::STREAM_START, "files", "");
    let piece = Message::new(Opcode::STREAM_WRITE, "files", "a piece");
    for message in [&start, &piece] {
        sender.send(message).await;
        assert_eq!(reader.next().await, *message);
    }
    start.uuid
}

fn aborted(uuid: &str) -> Message {
    Message::with_uuid(Opcode::STREAM_END, uuid, "files", "aborted")
}

#[tokio::test]
async fn whatever_becomes_of_its_sender_a_stream_ends() {
    let hub = hub();
    let mut reader = Client::bound(&hub, "files").await;
    // It unbinds.
    let mut sender = Client::bound(&hub, "files").await;
    let uuid = begun(&mut sender, &mut reader).await;
    sender.send(&Message::new(Opcode::UNBIND, "files", "")).await;
    assert_eq!(reader.next().await, aborted(&uuid));
    // It is unbound, and goes on as if it was not.
    sender.send(&Message::new(Opcode::BIND, "files", "")).await;
    sender.settle().await;
    let uuid = begun(&mut sender, &mut reader).await;
    let newest = hub.connections_in("files").into_iter().max_by_key(|one| one.id());
    assert!(hub.unbind(&newest.expect("both are there"), "files"));
    assert_eq!(reader.next().await, aborted(&uuid));
    sender.send(&Message::new(Opcode::STREAM_WRITE, "files", "a piece")).await;
    sender.send(&Message::new(Opcode::BIND, "files", "")).await;
    sender.send(&Message::new(Opcode::STREAM_WRITE, "files", "another")).await;
    sender.settle().await;
    // It begins another.
    let uuid = begun(&mut sender, &mut reader).await;
    let next = Message::new(Opcode::STREAM_START, "files", "");
    sender.send(&next).await;
    assert_eq!(reader.next().await, aborted(&uuid));
    assert_eq!(reader.next().await, next);
    // It is lost.
    drop(sender);
    assert_eq!(reader.next().await, aborted(&next.uuid));
    // It is closed by the program.
    let mut sender = Client::bound(&hub, "files").await;
    let uuid = begun(&mut sender, &mut reader).await;
    let newest = hub.connections_in("files").into_iter().max_by_key(|one| one.id());
    newest.expect("both are there").close(Disconnect::Kicked);
    assert_eq!(reader.next().await, aborted(&uuid));
    reader.settle().await;
}

#[tokio::test]
async fn a_stream_that_ended_or_never_began_takes_nothing() {
    let hub = hub();
    let (mut sender, mut reader) = (Client::bound(&hub, "files").await, Client::bound(&hub, "files").await);
    send(&mut sender, "files", b"whole").await;
    for opcode in [Opcode::STREAM_WRITE, Opcode::STREAM_END] {
        sender.send(&Message::new(opcode, "files", "without a stream")).await;
    }
    let said = sender.write("files", "an ordinary message").await;
    assert_eq!(receive(&mut reader, FAST).await, b"whole");
    assert_eq!(reader.next().await, said);
    // Nothing is aborted of what was ended.
    drop(sender);
    while hub.members("files") > 1 {
        tokio::task::yield_now().await;
    }
    reader.settle().await;
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_lost_sender_comes_behind_its_pieces() {
    let hub = hub();
    let mut sender = Client::connect_with(&hub, Admission::default().bound_to("files"), 2_000_000).await;
    let mut reader = Client::connect_with(&hub, Admission::default().bound_to("files"), 4_096).await;
    while hub.members("files") < 2 {
        tokio::task::yield_now().await;
    }
    let start = Message::new(Opcode::STREAM_START, "files", "");
    sender.send(&start).await;
    // More than half of an outbox, so that the sender waits.
    for number in 0..20_u8 {
        sender.send(&Message::new(Opcode::STREAM_WRITE, "files", vec![number; PIECE])).await;
    }
    drop(sender);
    assert_eq!(reader.next().await, start);
    let mut pieces = 0;
    let end = loop {
        let message = reader.next().await;
        if message.opcode == Opcode::STREAM_END {
            break message;
        }
        assert!(message.body == vec![pieces; PIECE], "piece {pieces}");
        pieces += 1;
        sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(end, aborted(&start.uuid));
    assert!(pieces >= 16, "{pieces}");
    reader.settle().await;
}

#[tokio::test]
async fn streams_are_counted_like_channels() {
    let config = Config::default().channels_per_connection_max(2);
    let hub = Hub::start(config, Hooks::default().auth(Open)).expect("configuration is valid");
    let mut sender = Client::connect(&hub).await;
    let mut reader = Client::bound(&hub, "c").await;
    for channel in ["a", "b", "c"] {
        sender.send(&Message::new(Opcode::STREAM_START, channel, "")).await;
    }
    sender.send(&Message::new(Opcode::STREAM_END, "a", "")).await;
    send(&mut sender, "c", b"there is room again").await;
    assert_eq!(receive(&mut reader, FAST).await, b"there is room again");
}

/// Lets everybody write everywhere.
struct Open;

impl conductor_hub::Auth for Open {
    fn can_write(&self, _connection: &Connection, _message: MessageRef<'_>) -> bool {
        true
    }
}

/// Lets everybody send streams, but for the pieces that it denies, and nothing else.
struct StreamsAlone;

impl conductor_hub::Auth for StreamsAlone {
    fn can_write(&self, _connection: &Connection, message: MessageRef<'_>) -> bool {
        message.opcode != Opcode::WRITE && message.body != b"denied"
    }
}

#[tokio::test]
async fn a_write_that_is_denied_takes_no_stream_along_and_a_piece_does() {
    let hub = Hub::start(Config::default(), Hooks::default().auth(StreamsAlone)).expect("defaults are valid");
    let (mut sender, mut reader) = (Client::bound(&hub, "files").await, Client::bound(&hub, "files").await);
    begun(&mut sender, &mut reader).await;
    sender.write("files", "not for you").await;
    for opcode in [Opcode::STREAM_WRITE, Opcode::STREAM_END] {
        let rest = Message::new(opcode, "files", "");
        sender.send(&rest).await;
        assert_eq!(reader.next().await, rest);
    }
    let uuid = begun(&mut sender, &mut reader).await;
    sender.send(&Message::new(Opcode::STREAM_WRITE, "files", "denied")).await;
    assert_eq!(reader.next().await, aborted(&uuid));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_over_tcp_reaches_a_reader_of_100_kib_a_second() {
    stream_over_tcp(3_000_000, &[None, Some(1024 * 1024), Some(100 * 1024)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_megabytes_over_tcp_reach_fast_and_slow_readers() {
    stream_over_tcp(10_000_000, &[None, Some(4 * 1024 * 1024), Some(1024 * 1024)]).await;
}

/// Sends so many bytes to readers of these paces, in bytes a second; all of them are over TCP.
async fn stream_over_tcp(bytes: usize, paces: &[Option<u32>]) {
    let hub = hub();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
    let address = listener.local_addr().expect("it is bound");
    let tasks = TaskTracker::new();
    let app = axum::Router::new().route_service("/", hub.clone());
    let serving = tasks.spawn(async move { axum::serve(listener, app.into_make_service()).await });
    let mut readers = Vec::new();
    for &pace in paces {
        let reader = tcp(address, "files").await;
        let expected = content(bytes);
        readers.push(tasks.spawn(async move {
            let (_, mut reads) = reader.split();
            let (mut content, start) = (Vec::new(), Instant::now());
            while let Some(event) = reads.next().await {
                let event = event.expect("in kind");
                assert!(!event.is_close(), "closed after {} bytes: {event:?}", content.len());
                let tungstenite::Message::Binary(bytes) = event else { continue };
                let message = MessageRef::decode(&bytes).expect("is a message");
                content.extend_from_slice(message.body);
                if message.opcode == Opcode::STREAM_END {
                    assert!(content == expected, "{pace:?}");
                    return;
                }
                if let Some(pace) = pace {
                    let due = Duration::from_secs_f64(content.len() as f64 / f64::from(pace));
                    sleep(due.saturating_sub(start.elapsed())).await;
                }
            }
            panic!("the connection ended after {} bytes", content.len());
        }));
    }
    let mut sender = tcp(address, "files").await;
    while hub.members("files") <= paces.len() {
        tokio::task::yield_now().await;
    }
    // As the original's client does it: each message has a uuid of its own.
    say(&mut sender, &Message::new(Opcode::STREAM_START, "files", "")).await;
    for piece in content(bytes).chunks(PIECE) {
        say(&mut sender, &Message::new(Opcode::STREAM_WRITE, "files", piece.to_vec())).await;
    }
    say(&mut sender, &Message::new(Opcode::STREAM_END, "files", "")).await;
    for reader in readers {
        reader.await.expect("nobody is closed, and nothing is missing");
    }
    serving.abort();
}

type Tcp = tokio_tungstenite::WebSocketStream<TcpStream>;

async fn say(client: &mut Tcp, message: &Message) {
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes).expect("it is short");
    client.send(tungstenite::Message::Binary(bytes.freeze())).await.expect("the hub reads");
}

/// Connects over TCP and binds.
async fn tcp(address: std::net::SocketAddr, channel: &str) -> Tcp {
    let socket = TcpStream::connect(address).await.expect("the hub listens");
    let (mut client, _) =
        tokio_tungstenite::client_async(format!("ws://{address}/"), socket).await.expect("it is admitted");
    say(&mut client, &Message::new(Opcode::BIND, channel, Bytes::new())).await;
    client
}
