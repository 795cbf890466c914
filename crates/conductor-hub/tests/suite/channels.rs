//! What members of a channel get.

use std::sync::Arc;
use std::time::Duration;

use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::{
    Admission, Answer, Author, ChannelHistory, Config, Connection, Disconnect, ErrorKind, Handler,
    HistoryConfig, Hooks, Hub, Storage,
};

use crate::support::{Client, Heard, Replay};

fn hub() -> Hub {
    Hub::start(Config::default(), Hooks::default()).expect("defaults are valid")
}

#[tokio::test]
async fn message_reaches_the_other_members_as_it_was_sent() {
    let hub = hub();
    let mut alice = Client::bound(&hub, "hello").await;
    let mut bob = Client::bound(&hub, "hello").await;
    let mut carol = Client::bound(&hub, "elsewhere").await;
    let sent = alice.write("hello", "hi").await;
    assert_eq!(bob.next().await, sent);
    alice.settle().await;
    carol.settle().await;
}

#[tokio::test]
async fn write_needs_the_bind() {
    let hub = hub();
    let mut alice = Client::connect(&hub).await;
    let mut bob = Client::bound(&hub, "hello").await;
    // The ancestor let everybody write to the channel without a name.
    let mut nameless = Client::bound(&hub, "").await;
    alice.write("hello", "hi").await;
    alice.write("", "hi").await;
    alice.settle().await;
    bob.settle().await;
    nameless.settle().await;
}

#[tokio::test]
async fn bind_is_idempotent_and_one_unbind_ends_it() {
    let hub = hub();
    let mut alice = Client::bound(&hub, "hello").await;
    let mut bob = Client::bound(&hub, "hello").await;
    bob.send(&Message::new(Opcode::BIND, "hello", "")).await;
    bob.settle().await;
    let sent = alice.write("hello", "once").await;
    assert_eq!(bob.next().await, sent);
    bob.send(&Message::new(Opcode::UNBIND, "hello", "")).await;
    bob.settle().await;
    alice.write("hello", "never").await;
    alice.settle().await;
    bob.settle().await;
}

#[tokio::test]
async fn order_of_a_sender_is_kept_across_channels_and_opcodes() {
    let hub = hub();
    let mut alice = Client::bound(&hub, "a").await;
    let mut bob = Client::bound(&hub, "a").await;
    for client in [&mut alice, &mut bob] {
        client.send(&Message::new(Opcode::BIND, "b", "")).await;
        client.settle().await;
    }
    let mut sent = Vec::new();
    for channel in ["a", "b"] {
        let message = Message::new(Opcode::STREAM_START, channel, "");
        alice.send(&message).await;
        sent.push(message);
    }
    for round in 0..300_u32 {
        let channel = if round % 7 < 3 { "a" } else { "b" };
        let opcode = if round % 5 == 0 { Opcode::STREAM_WRITE } else { Opcode::WRITE };
        let message = Message::new(opcode, channel, round.to_string());
        alice.send(&message).await;
        sent.push(message);
    }
    for message in sent {
        assert_eq!(bob.next().await, message);
    }
}

#[tokio::test]
async fn streams_are_delivered_in_order() {
    let hub = hub();
    let mut alice = Client::bound(&hub, "files").await;
    let mut bob = Client::bound(&hub, "files").await;
    for (opcode, body) in [
        (Opcode::STREAM_START, ""),
        (Opcode::STREAM_WRITE, "one"),
        (Opcode::STREAM_WRITE, "two"),
        (Opcode::STREAM_END, ""),
    ] {
        let message = Message::new(opcode, "files", body);
        alice.send(&message).await;
        assert_eq!(bob.next().await, message);
    }
}

#[tokio::test]
async fn repeated_uuid_of_a_sender_is_dropped_and_of_another_is_not() {
    let hub = hub();
    let mut receiver = Client::bound(&hub, "hello").await;
    let mut alice = Client::bound(&hub, "hello").await;
    let first = alice.write("hello", "first").await;
    assert_eq!(receiver.next().await, first);
    alice.send(&first).await;
    alice.settle().await;
    // Whoever guesses a uuid suppresses nobody else's message.
    let mut mallory = Client::bound(&hub, "hello").await;
    let guessed = Message::with_uuid(Opcode::WRITE, first.uuid.clone(), "hello", "mallory's");
    mallory.send(&guessed).await;
    assert_eq!(receiver.next().await, guessed);
}

#[tokio::test]
async fn user_who_comes_back_and_repeats_a_message_is_recognised() {
    let hub = hub();
    let mut receiver = Client::bound(&hub, "hello").await;
    let admission = Admission::user("alice").bound_to("hello");
    let mut before = Client::connect_with(&hub, admission.clone(), 4_096).await;
    let sent = before.write("hello", "hi").await;
    assert_eq!(receiver.next().await, sent);
    drop(before);
    let mut after = Client::connect_with(&hub, admission, 4_096).await;
    after.send(&sent).await;
    after.settle().await;
    receiver.settle().await;
}

#[tokio::test]
async fn unknown_opcode_is_ignored() {
    let hub = hub();
    let mut alice = Client::bound(&hub, "hello").await;
    alice.send(&Message::new(Opcode::from_wire(999), "hello", "hi")).await;
    alice.settle().await;
}

#[tokio::test]
async fn server_publishes_to_every_member() {
    let hub = hub();
    let mut alice = Client::bound(&hub, "news").await;
    let mut bob = Client::bound(&hub, "news").await;
    assert_eq!(hub.publish("news", "extra").expect("name is short"), 2);
    assert_eq!(hub.publish("nobody listens", "extra").expect("name is short"), 0);
    for client in [&mut alice, &mut bob] {
        let message = client.next().await;
        assert_eq!(
            (message.opcode, &*message.channel, &*message.body),
            (Opcode::WRITE, "news", &b"extra"[..])
        );
    }
}

#[tokio::test]
async fn channel_without_members_is_forgotten() {
    let hub = hub();
    let mut alice = Client::bound(&hub, "a").await;
    let bob = Client::bound(&hub, "b").await;
    assert_eq!((hub.stats().connections, hub.stats().channels), (2, 2));
    alice.send(&Message::new(Opcode::UNBIND, "a", "")).await;
    alice.settle().await;
    assert_eq!(hub.stats().channels, 1);
    drop((alice, bob));
    assert!(hub.shutdown(Duration::from_secs(60)).await);
}

#[tokio::test]
async fn lifecycle_hears_of_everything_once_and_in_order() {
    let (lifecycle, mut heard) = Heard::new();
    let hooks = Hooks::default().lifecycle(lifecycle);
    let hub = Hub::start(Config::default(), hooks).expect("defaults are valid");
    let mut alice = Client::connect_with(&hub, Admission::user("alice").bound_to("inbox"), 4_096).await;
    for opcode in [Opcode::BIND, Opcode::BIND, Opcode::UNBIND, Opcode::UNBIND] {
        alice.send(&Message::new(opcode, "hello", "")).await;
    }
    alice.settle().await;
    assert_eq!(hub.members("inbox"), 1);
    drop(alice);
    for expected in [
        "alice connected",
        "alice bound inbox (Admission)",
        "alice bound hello (Client)",
        "alice unbound hello (Client)",
        "alice unbound inbox (End)",
        "alice disconnected 1000 inbox",
    ] {
        assert_eq!(heard.recv().await.as_deref(), Some(expected));
    }
    assert_eq!((hub.members("inbox"), heard.try_recv().is_err()), (0, true));
}

#[tokio::test]
async fn handler_answers_with_the_last_messages_of_a_channel() {
    let history = ChannelHistory::new(HistoryConfig::default().messages_max(2)).expect("it is valid");
    let history = Arc::new(history);
    let hooks = Hooks::default().storage(Arc::clone(&history)).handler(Replay(history));
    let hub = Hub::start(Config::default(), hooks).expect("defaults are valid");
    let mut alice = Client::bound(&hub, "hello").await;
    let mut sent = Vec::new();
    for body in ["one", "two", "three"] {
        sent.push(alice.write("hello", body).await);
    }
    let call = Message::new(Opcode::SERVER, "hello", "");
    alice.send(&call).await;
    assert_eq!(alice.next().await, sent[1]);
    assert_eq!(alice.next().await, sent[2]);
    assert_eq!(alice.next().await, Message::with_uuid(Opcode::SERVER, call.uuid, "", "done"));
}

/// Ends the connection of whoever calls.
struct Kick;

impl Handler for Kick {
    fn call(&self, connection: &Arc<Connection>, message: Message) -> Answer {
        connection.send(&message).expect("client reads");
        connection.close(Disconnect::Kicked);
        Answer::none()
    }
}

#[tokio::test]
async fn program_can_end_a_connection_behind_its_last_word() {
    let hooks = Hooks::default().handler(Kick);
    let hub = Hub::start(Config::default(), hooks).expect("defaults are valid");
    let mut alice = Client::bound(&hub, "hello").await;
    let call = Message::new(Opcode::SERVER, "", "last word");
    alice.send(&call).await;
    assert_eq!(alice.next().await, call);
    assert_eq!(alice.close_code().await, Disconnect::Kicked.code());
}

#[test]
fn history_forgets_the_channels_written_to_longest_ago_and_says_so() {
    let config = HistoryConfig::default().bytes_max(64 * 1024).messages_max(10);
    let history = Arc::new(ChannelHistory::new(config.clone()).expect("64 KiB is enough"));
    let refused = ChannelHistory::new(config.bytes_max(64 * 1024 - 1)).expect_err("less is not");
    assert_eq!(refused.kind(), ErrorKind::Config);
    let body = "x".repeat(1_000);
    for number in 0..500 {
        let mut bytes = bytes::BytesMut::new();
        Message::new(Opcode::WRITE, format!("channel {number}"), body.clone())
            .encode(&mut bytes)
            .expect("fits");
        history.store(
            &Author::Server,
            conductor_hub::protocol::MessageRef::decode(&bytes).expect("is a message"),
        );
    }
    let kept =
        (0..500).filter(|number| !history.get(&format!("channel {number}"), 1).messages.is_empty()).count();
    assert!((1..=64).contains(&kept), "{kept} channels of 1 KB are kept in 64 KiB");
    assert_eq!(history.get("channel 499", 9).messages.len(), 1);
    let first = history.get("channel 0", 9);
    assert!(first.messages.is_empty() && first.forgotten && !first.more);
    assert!(history.replay("channel 0", 9).is_forgotten());
    // It is known of the channel also when it is written to again.
    let mut bytes = bytes::BytesMut::new();
    Message::new(Opcode::WRITE, "channel 0", "again").encode(&mut bytes).expect("fits");
    history
        .store(&Author::Server, conductor_hub::protocol::MessageRef::decode(&bytes).expect("is a message"));
    let first = history.get("channel 0", 9);
    assert!(first.messages.len() == 1 && first.forgotten && history.replay("channel 0", 9).is_forgotten());
}

#[test]
fn a_history_gives_the_newest_and_says_whether_there_are_more() {
    let history = ChannelHistory::new(HistoryConfig::default().messages_max(3)).expect("it is valid");
    for number in 0..5 {
        let mut bytes = bytes::BytesMut::new();
        Message::new(Opcode::WRITE, "hello", number.to_string()).encode(&mut bytes).expect("fits");
        history.store(
            &Author::Server,
            conductor_hub::protocol::MessageRef::decode(&bytes).expect("is a message"),
        );
    }
    for (newest, expected, more) in
        [(0, "", true), (1, "4", true), (2, "34", true), (3, "234", false), (9, "234", false)]
    {
        let kept = history.get("hello", newest);
        let bodies: Vec<_> = kept.messages.iter().map(|message| &*message.body).collect();
        assert_eq!((bodies.concat(), kept.more, kept.forgotten), (expected.into(), more, false));
    }
    assert_eq!(history.get("other", 9), conductor_hub::History::default());
}

fn store(history: &ChannelHistory, body: usize) {
    let mut bytes = bytes::BytesMut::new();
    Message::new(Opcode::WRITE, "hello", body.to_string()).encode(&mut bytes).expect("fits");
    let message = conductor_hub::protocol::MessageRef::decode(&bytes).expect("is a message");
    history.store(&Author::Server, message);
}

#[test]
fn a_history_is_replayed_in_the_order_of_writing_and_who_is_slow_misses_the_oldest() {
    let history = ChannelHistory::new(HistoryConfig::default().messages_max(5)).expect("it is valid");
    let history = Arc::new(history);
    (0..8).for_each(|number| store(&history, number));
    let bodies = |replay: &mut conductor_hub::Replay| -> String {
        replay.map(|message| String::from_utf8_lossy(&message.body).into_owned()).collect()
    };
    let mut newest = history.replay("hello", 3);
    assert_eq!((bodies(&mut newest), newest.not_given()), ("567".to_owned(), 2));
    // One is read, and then two of the others are forgotten, as new ones are written.
    let mut slow = history.replay("hello", 5);
    assert_eq!(slow.next().expect("it is kept").body, "3");
    (8..11).for_each(|number| store(&history, number));
    assert_eq!((bodies(&mut slow), slow.not_given()), ("67".to_owned(), 2));
}

#[test]
fn a_history_out_of_its_bounds_is_refused_by_name() {
    let year = Duration::from_secs(366 * 24 * 60 * 60);
    for (config, named) in [
        (HistoryConfig::default().messages_max(1_000_001), "messages_max is 1000001; it must be from 0 to"),
        (HistoryConfig::default().age_max(Duration::ZERO), "age_max is 0ns; it must be from 1ms to"),
        (HistoryConfig::default().age_max(year + Duration::from_millis(1)), "age_max is 31622400.001s"),
    ] {
        let error = ChannelHistory::new(config).expect_err(named);
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().starts_with(named), "{error}");
    }
    let most = *HistoryConfig::MESSAGES_MAX_BOUNDS.end();
    for config in [
        HistoryConfig::default().messages_max(0).age_max(Duration::from_millis(1)),
        HistoryConfig::default().messages_max(most).age_max(year),
    ] {
        ChannelHistory::new(config).expect("each is at its bound");
    }
}
