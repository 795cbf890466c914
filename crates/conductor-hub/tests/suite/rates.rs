//! What ends a client that sends more than it may, alone or over several connections.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::{
    Admission, Answer, Config, Connection, Disconnect, Handler, Hooks, Hub, Rate, RateExceeded, RateOf,
    Rates, Throttle,
};
use futures_util::SinkExt;
use parking_lot::Mutex;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::support::Client;

/// Answers a call with itself.
struct Echo;

impl Handler for Echo {
    fn call(&self, _connection: &Arc<Connection>, call: Message) -> Answer {
        call.into()
    }
}

fn hub(rates: Rates) -> Hub {
    let config = Config::default().message_bytes_max(1_000).rates(rates);
    Hub::start(config, Hooks::default().handler(Echo)).expect("configuration is valid")
}

/// Connects a client that the program binds, so that it has sent nothing yet.
async fn member(hub: &Hub, user: &str) -> Client {
    let admission = Admission::user(user).bound_to("hello");
    let mut client = Client::connect_with(hub, admission, 64 * 1024).await;
    client.settle().await;
    client
}

#[tokio::test(start_paused = true)]
async fn a_client_with_too_many_messages_is_closed_with_4102_and_others_go_on() {
    let hub = hub(Rates::default().messages(Rate::per_second(1).burst(3)));
    let (mut alice, mut bob) = (member(&hub, "alice").await, member(&hub, "bob").await);
    let mut sent = Vec::new();
    for number in 0..4 {
        sent.push(alice.write("hello", format!("{number}")).await);
    }
    assert_eq!(alice.close_code().await, Disconnect::RateLimited.code());
    for message in &sent[..3] {
        assert_eq!(bob.next().await, *message);
    }
    bob.settle().await;
    // What others have used is no concern of this one.
    let mut carol = member(&hub, "carol").await;
    let sent = bob.write("hello", "who was that?").await;
    assert_eq!(carol.next().await, sent);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_keeps_to_its_rate_stays_and_control_frames_do_not_count() {
    let hub = hub(Rates::default().messages(Rate::per_second(2)).binds(Rate::per_second(1)));
    let mut alice = member(&hub, "alice").await;
    for number in 0..20 {
        alice.send(&Message::new(Opcode::BIND, format!("{number}"), "")).await;
        alice.write("hello", "hi").await;
        // Each of these is a ping.
        for _ in 0..10 {
            alice.settle().await;
        }
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    assert_eq!(hub.stats().channels, 21);
}

#[tokio::test(start_paused = true)]
async fn a_client_with_too_many_bytes_is_closed_with_4102() {
    let hub = hub(Rates::default().bytes(Rate::per_second(100).burst(1_000)));
    let (mut alice, mut bob) = (member(&hub, "alice").await, member(&hub, "bob").await);
    // With its uuid and its name it has as many as are allowed at once.
    let sent = alice.write("hello", "x".repeat(1_000 - 10 - 36 - 5)).await;
    assert_eq!(bob.next().await, sent);
    tokio::time::advance(Duration::from_secs(1)).await;
    let sent = alice.write("hello", "x".repeat(100 - 10 - 36 - 5)).await;
    assert_eq!(bob.next().await, sent);
    alice.write("hello", "").await;
    assert_eq!(alice.close_code().await, Disconnect::RateLimited.code());
    bob.settle().await;
}

#[tokio::test(start_paused = true)]
async fn a_message_in_many_fragments_counts_once_with_all_its_bytes() {
    let hub = hub(Rates::default().messages(Rate::per_second(1)).bytes(Rate::per_second(1).burst(1_000)));
    let mut alice = member(&hub, "alice").await;
    let call = Message::new(Opcode::SERVER, "", "x".repeat(500));
    let mut bytes = BytesMut::new();
    call.encode(&mut bytes).expect("it fits");
    let bytes = bytes.freeze();
    let pieces: Vec<Bytes> = bytes.chunks(50).map(Bytes::copy_from_slice).collect();
    let last = pieces.len() - 1;
    for (number, piece) in pieces.into_iter().enumerate() {
        let opcode = OpCode::Data(if number == 0 { Data::Binary } else { Data::Continue });
        let frame = Frame::message(piece, opcode, number == last);
        alice.socket.send(tungstenite::Message::Frame(frame)).await.expect("the hub reads");
    }
    assert_eq!(alice.next().await, call);
    tokio::time::advance(Duration::from_secs(1)).await;
    // There is a message again, and not so many bytes.
    alice.write("hello", "x".repeat(500)).await;
    assert_eq!(alice.close_code().await, Disconnect::RateLimited.code());
}

#[tokio::test(start_paused = true)]
async fn a_client_with_too_many_binds_is_closed_with_4102() {
    let hub = hub(Rates::default().binds(Rate::per_second(1).burst(2)));
    let mut alice = member(&hub, "alice").await;
    for _ in 0..100 {
        alice.write("hello", "hi").await;
        alice.send(&Message::new(Opcode::UNBIND, "tea", "")).await;
    }
    for channel in ["tea", "coffee"] {
        alice.send(&Message::new(Opcode::BIND, channel, "")).await;
    }
    alice.settle().await;
    assert_eq!(hub.stats().channels, 3);
    alice.send(&Message::new(Opcode::BIND, "water", "")).await;
    assert_eq!(alice.close_code().await, Disconnect::RateLimited.code());
}

/// Lets the connections of a user send so many messages together, and notes what it is asked.
struct Counts {
    most: usize,
    asked: Mutex<Vec<(String, Opcode, usize)>>,
}

impl Throttle for Counts {
    fn take(&self, connection: &Connection, opcode: Opcode, bytes: usize) -> Result<(), RateExceeded> {
        let user = connection.user().unwrap_or("nobody");
        let mut asked = self.asked.lock();
        let before = asked.iter().filter(|(by, ..)| by == user).count();
        asked.push((user.to_owned(), opcode, bytes));
        if before < self.most { Ok(()) } else { Err(RateExceeded { retry_after: Duration::from_secs(3) }) }
    }
}

#[tokio::test(start_paused = true)]
async fn the_throttle_is_asked_once_for_each_message_and_told_its_size() {
    let counts = Arc::new(Counts { most: 4, asked: Mutex::default() });
    let hooks = Hooks::default().handler(Echo).throttle(Arc::clone(&counts));
    let rates = Rates::default().binds(Rate::per_second(1));
    let hub = Hub::start(Config::default().rates(rates), hooks).expect("configuration is valid");
    // It gets nothing of what alice writes elsewhere, and sends nothing but pings itself.
    let mut bob = member(&hub, "bob").await;
    let (mut one, mut two) = (member(&hub, "alice").await, member(&hub, "alice").await);
    one.send(&Message::with_uuid(Opcode::BIND, "", "tea", "")).await;
    let call = Message::with_uuid(Opcode::SERVER, "1234", "", "question");
    one.send(&call).await;
    assert_eq!(one.next().await, call);
    two.send(&Message::with_uuid(Opcode::WRITE, "", "elsewhere", "hi")).await;
    two.send(&Message::with_uuid(Opcode::STREAM_START, "", "elsewhere", "")).await;
    two.settle().await;
    let of_alice = |opcode, bytes| ("alice".to_owned(), opcode, bytes);
    let expected = [
        of_alice(Opcode::BIND, 10 + 3),
        of_alice(Opcode::SERVER, 10 + 4 + 8),
        of_alice(Opcode::WRITE, 10 + 9 + 2),
        of_alice(Opcode::STREAM_START, 10 + 9),
    ];
    assert_eq!(*counts.asked.lock(), expected);
    // Over a rate of its own a message gets nowhere, also not to the throttle.
    one.send(&Message::with_uuid(Opcode::BIND, "", "coffee", "")).await;
    assert_eq!(one.close_code().await, Disconnect::RateLimited.code());
    assert_eq!(counts.asked.lock().len(), 4);
    // The fifth of alice is too much, over both of her connections.
    two.write("hello", "too much").await;
    assert_eq!(two.close_code().await, Disconnect::RateLimited.code());
    bob.settle().await;
    bob.write("elsewhere", "mine").await;
    bob.settle().await;
    assert_eq!(counts.asked.lock().len(), 6);
}

/// Tells clients which rate they have exceeded, and for how long.
struct Tells;

impl Throttle for Tells {
    fn take(&self, _connection: &Connection, _opcode: Opcode, _bytes: usize) -> Result<(), RateExceeded> {
        Ok(())
    }

    fn exceeded(&self, connection: &Connection, of: RateOf, exceeded: RateExceeded) {
        let text = format!("{of:?} {:?}", exceeded.retry_after);
        connection.send(&Message::new(Opcode::SERVER, "", text)).expect("it is open");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_over_a_rate_of_its_connection_can_be_told_when_to_come_back_before_the_close() {
    let rates = Rates::default().messages(Rate::per_second(1).burst(2)).binds(Rate::per_second(4).burst(1));
    let hooks = Hooks::default().throttle(Arc::new(Tells));
    let hub = Hub::start(Config::default().rates(rates), hooks).expect("configuration is valid");
    let (mut alice, mut bob) = (member(&hub, "alice").await, member(&hub, "bob").await);
    for channel in ["tea", "coffee"] {
        alice.send(&Message::new(Opcode::BIND, channel, "")).await;
    }
    assert_eq!(alice.next().await.body, "Binds 250ms");
    assert_eq!(alice.close_code().await, Disconnect::RateLimited.code());
    for _ in 0..3 {
        bob.write("elsewhere", "").await;
    }
    assert_eq!(bob.next().await.body, "Messages 1s");
    assert_eq!(bob.close_code().await, Disconnect::RateLimited.code());
}
