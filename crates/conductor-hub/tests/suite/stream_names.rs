//! The uuids of streams: whose they are, how long, and how many.

use std::time::Duration;

use bytes::BytesMut;
use conductor_hub::protocol::{Message, MessageRef, Opcode};
use conductor_hub::{Admission, Auth, Config, Connection, Disconnect, ErrorKind, Hooks, Hub};
use futures_util::SinkExt;
use tokio_tungstenite::tungstenite;
use tokio_util::task::TaskTracker;

use crate::support::Client;

/// Lets everybody write everywhere.
pub(crate) struct Open;

impl Auth for Open {
    fn can_write(&self, _connection: &Connection, _message: MessageRef<'_>) -> bool {
        true
    }
}

fn hub(config: Config) -> Hub {
    Hub::start(config, Hooks::default().auth(Open)).expect("configuration is valid")
}

fn say(opcode: Opcode, uuid: &str, body: &str) -> Message {
    Message::with_uuid(opcode, uuid, "files", body.to_owned())
}

#[tokio::test]
async fn nobody_writes_into_the_stream_of_another() {
    let hub = hub(Config::default());
    let mut reader = Client::bound(&hub, "files").await;
    let (mut alice, mut bob) = (Client::connect(&hub).await, Client::connect(&hub).await);
    for (sender, uuid) in [(&mut alice, "of alice"), (&mut bob, "of bob")] {
        let start = say(Opcode::STREAM_START, uuid, "");
        sender.send(&start).await;
        assert_eq!(reader.next().await, start);
    }
    // A piece for the stream of another is dropped, and missing in the sender's own.
    bob.send(&say(Opcode::STREAM_WRITE, "of alice", "of bob")).await;
    assert_eq!(reader.next().await, say(Opcode::STREAM_END, "of bob", "aborted"));
    for opcode in [Opcode::STREAM_WRITE, Opcode::STREAM_END] {
        bob.send(&say(opcode, "of bob", "")).await;
    }
    // Nor can it be ended or begun anew by another.
    let start = say(Opcode::STREAM_START, "of bob again", "");
    bob.send(&start).await;
    assert_eq!(reader.next().await, start);
    bob.send(&say(Opcode::STREAM_END, "of alice", "")).await;
    assert_eq!(reader.next().await, say(Opcode::STREAM_END, "of bob again", "aborted"));
    for opcode in [Opcode::STREAM_START, Opcode::STREAM_WRITE, Opcode::STREAM_END] {
        bob.send(&say(opcode, "of alice", "")).await;
    }
    bob.settle().await;
    for message in [say(Opcode::STREAM_WRITE, "of alice", "a piece"), say(Opcode::STREAM_END, "of alice", "")]
    {
        alice.send(&message).await;
        assert_eq!(reader.next().await, message);
    }
    // Then the uuid is free again.
    let start = say(Opcode::STREAM_START, "of alice", "of bob");
    bob.send(&start).await;
    assert_eq!(reader.next().await, start);
    reader.settle().await;
}

#[tokio::test]
async fn a_stream_of_the_program_has_its_uuid_to_itself_until_it_ends() {
    let hub = hub(Config::default());
    let mut reader = Client::bound(&hub, "files").await;
    let (mut alice, mut bob) = (Client::connect(&hub).await, Client::connect(&hub).await);
    let start = say(Opcode::STREAM_START, "of the program", "");
    hub.publish_message(start.clone()).expect("the uuid is free");
    assert_eq!(reader.next().await, start);
    for opcode in [Opcode::STREAM_START, Opcode::STREAM_WRITE, Opcode::STREAM_END] {
        alice.send(&say(opcode, "of the program", "of alice")).await;
    }
    alice.settle().await;
    let start = say(Opcode::STREAM_START, "of alice", "");
    alice.send(&start).await;
    assert_eq!(reader.next().await, start, "nothing of what came before is for the members");
    for opcode in [Opcode::STREAM_START, Opcode::STREAM_WRITE, Opcode::STREAM_END] {
        let error = hub.publish_message(say(opcode, "of alice", "")).expect_err("it is hers");
        assert_eq!(error.kind(), ErrorKind::Busy);
    }
    let rest =
        [say(Opcode::STREAM_WRITE, "of the program", ""), say(Opcode::STREAM_END, "of the program", "")];
    for message in rest {
        hub.publish_message(message.clone()).expect("it is its own");
        assert_eq!(reader.next().await, message);
    }
    // Then the uuid is free again.
    let start = say(Opcode::STREAM_START, "of the program", "of bob");
    bob.send(&start).await;
    assert_eq!(reader.next().await, start);
}

#[tokio::test]
async fn the_end_of_a_stream_that_comes_late_ends_no_other() {
    let hub = hub(Config::default());
    let mut reader = Client::bound(&hub, "files").await;
    let mut sender = Client::connect(&hub).await;
    let begun = [say(Opcode::STREAM_START, "one", ""), say(Opcode::STREAM_WRITE, "one", "a piece")];
    let start = say(Opcode::STREAM_START, "two", "");
    for message in begun.iter().chain([&start]) {
        sender.send(message).await;
    }
    // As of a client one of whose threads gave the channel free before it had sent the end.
    sender.send(&say(Opcode::STREAM_END, "one", "aborted")).await;
    let (piece, end) = (say(Opcode::STREAM_WRITE, "two", "a piece"), say(Opcode::STREAM_END, "two", ""));
    sender.send(&piece).await;
    // Its messages have its uuid, so that is of none.
    sender.send(&say(Opcode::STREAM_END, "three", "")).await;
    sender.send(&end).await;
    let [first, second] = begun;
    for message in [first, second, say(Opcode::STREAM_END, "one", "aborted"), start, piece, end] {
        assert_eq!(reader.next().await, message);
    }
    reader.settle().await;
}

#[tokio::test(start_paused = true)]
async fn a_uuid_is_taken_until_the_end_of_its_stream_has_been_delivered() {
    let hub = hub(Config::default().message_bytes_max(8 * 1024).outbox_bytes_max(64 * 1024));
    let mut reader = Client::connect_with(&hub, Admission::default().bound_to("files"), 100).await;
    while hub.members("files") < 1 {
        tokio::task::yield_now().await;
    }
    let (mut alice, mut bob) = (Client::connect(&hub).await, Client::connect(&hub).await);
    let start = say(Opcode::STREAM_START, "one", "");
    alice.send(&start).await;
    // The last piece waits with the end, as more than half of an outbox waits for the reader.
    for bytes in [6_000, 6_000, 6_000, 6_000, 6_000, 6_000, 4_000] {
        alice.send(&say(Opcode::STREAM_WRITE, "one", &"a".repeat(bytes))).await;
    }
    alice.send(&say(Opcode::STREAM_END, "one", "")).await;
    // Who sends little does not wait.
    bob.send(&start).await;
    bob.settle().await;
    let (mut begun, mut bytes) = (0, 0);
    loop {
        let message = reader.next().await;
        begun += usize::from(message.opcode == Opcode::STREAM_START);
        bytes += message.body.len();
        if message.opcode == Opcode::STREAM_END {
            break;
        }
    }
    assert_eq!((begun, bytes), (1, 40_000));
}

/// Sends a message together with those that are sent next.
async fn feed(client: &mut Client, message: &Message) {
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes).expect("message has an encoding");
    client.socket.feed(tungstenite::Message::Binary(bytes.freeze())).await.expect("hub reads");
}

/// Begins streams with the uuid `one` again and again, and ends each or begins another in its
/// place; the bodies say who sent them.
async fn use_again(mut sender: Client, name: &'static str) {
    for round in 0..400 {
        let last = match round % 2 {
            0 => say(Opcode::STREAM_END, "one", name),
            _ => say(Opcode::STREAM_START, name, name),
        };
        let stream = [say(Opcode::STREAM_START, "one", name), say(Opcode::STREAM_WRITE, "one", name), last];
        // In the same read and the same row, so that the end is routed long before it is delivered.
        let others = (0..100).map(|_| Message::new(Opcode::WRITE, "files", name));
        for message in stream.into_iter().chain(others) {
            feed(&mut sender, &message).await;
        }
        sender.socket.flush().await.expect("hub reads");
    }
    sender.settle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_who_use_one_uuid_at_once_each_begins_behind_the_end_of_the_other() {
    let minute = Duration::from_secs(60);
    let hub = hub(Config::default().sender_pause_max(minute).stall_timeout(minute));
    let mut reader = Client::bound(&hub, "files").await;
    let (alice, bob) = (Client::connect(&hub).await, Client::connect(&hub).await);
    let tasks = TaskTracker::new();
    let senders = [tasks.spawn(use_again(alice, "alice")), tasks.spawn(use_again(bob, "bob"))];
    let ending = hub.clone();
    tasks.spawn(async move {
        for sender in senders {
            sender.await.expect("the hub reads");
        }
        ending.publish("files", "the end").expect("it is short");
    });
    let (mut open, mut begun) = (None, 0);
    loop {
        let message = reader.next().await;
        if message.body == "the end" {
            break;
        }
        match message.opcode {
            _ if message.uuid != "one" => {}
            Opcode::STREAM_START => {
                assert_eq!(open.replace(message.body), None, "nobody else's has begun and not ended");
                begun += 1;
            }
            Opcode::STREAM_WRITE => assert_eq!(open, Some(message.body)),
            _ => {
                let ended = open.take().expect("it has begun");
                assert!(message.body == "aborted" || message.body == ended, "{ended:?} and {message:?}");
            }
        }
    }
    assert!(begun > 0 && open.is_none(), "{begun} have begun");
}

#[tokio::test]
async fn a_sender_may_use_its_uuid_again_behind_the_end() {
    let hub = hub(Config::default());
    let mut reader = Client::bound(&hub, "files").await;
    let mut sender = Client::connect(&hub).await;
    let stream = [
        say(Opcode::STREAM_START, "one", ""),
        say(Opcode::STREAM_WRITE, "one", "a piece"),
        say(Opcode::STREAM_END, "one", ""),
    ];
    // All of it in one row.
    for message in stream.iter().chain(&stream) {
        sender.send(message).await;
    }
    for message in stream.iter().chain(&stream) {
        assert_eq!(reader.next().await, *message);
    }
}

#[tokio::test]
async fn two_senders_whose_messages_have_uuids_of_their_own_disturb_nobody() {
    let hub = hub(Config::default());
    let mut reader = Client::bound(&hub, "files").await;
    let (mut alice, mut bob) = (Client::connect(&hub).await, Client::connect(&hub).await);
    // As the original's client sends, and as one that has none.
    for uuid in [None, Some("")] {
        for opcode in [Opcode::STREAM_START, Opcode::STREAM_WRITE, Opcode::STREAM_WRITE, Opcode::STREAM_END] {
            for sender in [&mut alice, &mut bob] {
                let mut message = Message::new(opcode, "files", "");
                if let Some(uuid) = uuid {
                    uuid.clone_into(&mut message.uuid);
                }
                sender.send(&message).await;
                assert_eq!(reader.next().await, message);
            }
        }
    }
}

#[tokio::test]
async fn the_uuid_of_a_stream_has_at_most_256_bytes() {
    let hub = hub(Config::default());
    let mut reader = Client::bound(&hub, "files").await;
    let mut sender = Client::connect(&hub).await;
    let longest = say(Opcode::STREAM_START, &"u".repeat(256), "");
    sender.send(&longest).await;
    assert_eq!(reader.next().await, longest);
    // Other messages are not kept.
    let write = say(Opcode::WRITE, &"w".repeat(257), "");
    sender.send(&write).await;
    assert_eq!(reader.next().await, write);
    let too_long = say(Opcode::STREAM_START, &"v".repeat(257), "");
    sender.send(&too_long).await;
    assert_eq!(sender.close_code().await, Disconnect::StreamUuidTooLong.code());
    let error = hub.publish_message(too_long).expect_err("that of the program as well");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn open_streams_are_bounded_over_all_connections_and_who_has_most_makes_room() {
    let most = 256 * 1024;
    let hub = hub(Config::default().binds_bytes_max(64 * 1024).all_binds_bytes_max(most));
    let mut receiver = Client::bound(&hub, "hello").await;
    let mut greedy = Vec::new();
    for client in 0..20 {
        let mut sender = Client::connect(&hub).await;
        for number in 0..60 {
            let (name, uuid) = (format!("{client:02} {number:02} {}", "n".repeat(500)), "u".repeat(256));
            sender.send(&Message::with_uuid(Opcode::STREAM_START, uuid, name, "")).await;
        }
        sender.settle().await;
        greedy.push(sender);
        let bytes = hub.stats().binds_bytes;
        assert!((50_000..=most).contains(&bytes), "{bytes} bytes after {client} clients");
    }
    // There is room for four of them and not for five: each takes the place of the newest.
    for mut ended in greedy.drain(3..19) {
        assert_eq!(ended.close_code().await, Disconnect::NoRoomForChannels.code());
    }
    for stays in &mut greedy {
        stays.settle().await;
    }
    let mut honest = Client::bound(&hub, "hello").await;
    let sent = honest.write("hello", "is there room?").await;
    assert_eq!(receiver.next().await, sent);
    drop((greedy, honest, receiver));
    assert!(hub.shutdown(Duration::from_secs(60)).await);
    assert_eq!(hub.stats().binds_bytes, 0, "what is given back counts no more");
}

#[tokio::test]
async fn the_uuid_of_who_makes_room_is_taken_until_the_end_of_its_stream_has_been_delivered() {
    let hub = hub(Config::default().binds_bytes_max(64 * 1024).all_binds_bytes_max(256 * 1024));
    let mut reader = Client::bound(&hub, "files").await;
    let long = |client: usize, number: usize| {
        let (name, uuid) = (format!("{client} {number:02} {}", "n".repeat(500)), "u".repeat(256));
        Message::with_uuid(Opcode::STREAM_START, uuid, name, "")
    };
    let mut most = Client::connect(&hub).await;
    let start = say(Opcode::STREAM_START, "one", "");
    most.send(&start).await;
    assert_eq!(reader.next().await, start);
    let (mut others, mut last) = (Vec::new(), Client::connect(&hub).await);
    for number in 0..60 {
        most.send(&long(0, number)).await;
    }
    most.settle().await;
    for client in 1..4 {
        let mut other = Client::connect(&hub).await;
        for number in 0..60 {
            other.send(&long(client, number)).await;
        }
        other.settle().await;
        others.push(other);
    }
    // In one read, so that the task of who makes room has no turn in between.
    for message in (0..40).map(|number| long(4, number)).chain([start]) {
        feed(&mut last, &message).await;
    }
    last.socket.flush().await.expect("hub reads");
    assert_eq!(reader.next().await, say(Opcode::STREAM_END, "one", "aborted"));
    assert_eq!(most.close_code().await, Disconnect::NoRoomForChannels.code());
    last.settle().await;
    reader.settle().await;
}
