//! Calls as they are answered.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use conductor_hub::calls::{AsyncHandler, CallQueue, Calls, Config};
use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::{Admission, Answer, Connection, Disconnect, ErrorKind, Hooks, Hub};
use tokio::time::sleep;

use super::{Never, PATIENCE, gate, hub};
use crate::support::Client;

#[tokio::test]
async fn calls_of_a_connection_come_one_after_another_and_those_of_others_beside_them() {
    let (gate, mut keeper) = gate();
    let (hub, queue) = hub(Config::default());
    let _calls = Calls::start(&queue, gate).expect("nobody answers yet");
    let (mut alice, mut bob) = (Client::connect(&hub).await, Client::connect(&hub).await);
    let mut uuids = Vec::new();
    for number in 0..10 {
        uuids.push(alice.call(&format!("alice {number}")).await);
    }
    alice.settle().await;
    assert_eq!(keeper.begun().await, "alice 0");
    let uuid = bob.call("bob").await;
    // Alice's second call does not begin before her first is answered; Bob's does.
    assert_eq!(keeper.begun().await, "bob");
    assert!(keeper.nothing_more_is_begun());
    keeper.permits.add_permits(2);
    bob.is_answered(uuid, "bob").await;
    for (number, uuid) in uuids.into_iter().enumerate() {
        alice.is_answered(uuid, &format!("alice {number}")).await;
        if number < 9 {
            assert_eq!(keeper.begun().await, format!("alice {}", number + 1));
            keeper.permits.add_permits(1);
        }
    }
}

#[tokio::test]
async fn a_call_that_waits_holds_up_nothing_else_of_its_connection() {
    let (gate, mut keeper) = gate();
    let (hub, queue) = hub(Config::default());
    let _calls = Calls::start(&queue, gate).expect("nobody answers yet");
    let mut alice = Client::bound(&hub, "hello").await;
    let mut bob = Client::bound(&hub, "hello").await;
    let uuid = alice.call("slow").await;
    assert_eq!(keeper.begun().await, "slow");
    alice.settle().await;
    let said = alice.write("hello", "I wait").await;
    assert_eq!(bob.next().await, said);
    let told = bob.write("hello", "so do I").await;
    assert_eq!(alice.next().await, told);
    keeper.permits.add_permits(1);
    alice.is_answered(uuid, "slow").await;
}

#[tokio::test]
async fn calls_wait_until_somebody_answers_and_one_too_many_is_told_so() {
    let (gate, keeper) = gate();
    keeper.permits.add_permits(9);
    let (hub, queue) = hub(Config::default().calls_max(2).busy_answer("busy"));
    let (mut alice, mut bob) = (Client::connect(&hub).await, Client::connect(&hub).await);
    let (one, two) = (alice.call("one").await, alice.call("two").await);
    alice.settle().await;
    for client in [&mut alice, &mut bob] {
        let three = client.call("three").await;
        client.is_answered(three, "busy").await;
    }
    let _calls = Calls::start(&queue, gate).expect("nobody answers yet");
    alice.is_answered(one, "one").await;
    alice.is_answered(two, "two").await;
    let four = bob.call("four").await;
    bob.is_answered(four, "four").await;
}

#[tokio::test]
async fn the_last_room_is_for_clients_without_a_call_in_the_queue() {
    let (gate, keeper) = gate();
    keeper.permits.add_permits(16);
    let (hub, queue) = hub(Config::default().calls_max(16).busy_answer("busy"));
    let mut alice = Client::connect(&hub).await;
    let mut accepted = Vec::new();
    for number in 0..14 {
        accepted.push(alice.call(&number.to_string()).await);
    }
    let refused = alice.call("one more").await;
    alice.is_answered(refused, "busy").await;
    let (mut bob, mut carol) = (Client::connect(&hub).await, Client::connect(&hub).await);
    let (of_bob, of_carol) = (bob.call("bob").await, carol.call("carol").await);
    bob.settle().await;
    carol.settle().await;
    let mut dave = Client::connect(&hub).await;
    let refused = dave.call("dave").await;
    dave.is_answered(refused, "busy").await;
    let _calls = Calls::start(&queue, gate).expect("nobody answers yet");
    bob.is_answered(of_bob, "bob").await;
    carol.is_answered(of_carol, "carol").await;
    for (number, uuid) in accepted.into_iter().enumerate() {
        alice.is_answered(uuid, &number.to_string()).await;
    }
}

#[tokio::test]
async fn bytes_of_calls_are_bounded_and_a_call_that_is_longer_than_all_finds_room_alone() {
    let (gate, mut keeper) = gate();
    let (hub, queue) = hub(Config::default().bytes_max(64 * 1024));
    let _calls = Calls::start(&queue, gate).expect("nobody answers yet");
    let mut alice = Client::connect(&hub).await;
    let (long, half) = ("x".repeat(100_000), "x".repeat(40_000));
    let alone = alice.call(&long).await;
    assert_eq!(keeper.begun().await, long);
    let refused = alice.call("").await;
    alice.is_answered(refused, r#"{"error":"too many calls wait; call again"}"#).await;
    keeper.permits.add_permits(1);
    alice.is_answered(alone, &long).await;
    let first = alice.call(&half).await;
    let refused = alice.call(&half).await;
    alice.is_answered(refused, r#"{"error":"too many calls wait; call again"}"#).await;
    keeper.permits.add_permits(1);
    alice.is_answered(first, &half).await;
}

#[tokio::test]
async fn no_more_calls_are_worked_on_at_once_than_may_be() {
    let (gate, mut keeper) = gate();
    let (hub, queue) = hub(Config::default().running_max(2));
    let _calls = Calls::start(&queue, gate).expect("nobody answers yet");
    let mut clients = Vec::new();
    for number in 0..3 {
        let mut client = Client::connect(&hub).await;
        let uuid = client.call(&number.to_string()).await;
        client.settle().await;
        clients.push((client, uuid));
    }
    assert_eq!((keeper.begun().await, keeper.begun().await), ("0".to_owned(), "1".to_owned()));
    assert!(keeper.nothing_more_is_begun());
    keeper.permits.add_permits(1);
    assert_eq!(keeper.begun().await, "2");
    keeper.permits.add_permits(2);
    for (number, (mut client, uuid)) in clients.into_iter().enumerate() {
        client.is_answered(uuid, &number.to_string()).await;
    }
}

#[tokio::test]
async fn who_is_not_answered_in_time_is_told_so() {
    let config = Config::default().answer_time(Duration::from_millis(1)).late_answer("late");
    let (hub, queue) = hub(config);
    let _calls = Calls::start(&queue, Never).expect("nobody answers yet");
    let mut alice = Client::connect(&hub).await;
    for body in ["one", "two"] {
        let uuid = alice.call(body).await;
        alice.is_answered(uuid, "late").await;
    }
}

#[tokio::test]
async fn a_call_that_panics_closes_its_caller_and_nobody_else() {
    let (gate, mut keeper) = gate();
    let (hub, queue) = hub(Config::default().calls_max(4));
    let _calls = Calls::start(&queue, gate).expect("nobody answers yet");
    let mut bob = Client::connect(&hub).await;
    let uuid = bob.call("bob").await;
    assert_eq!(keeper.begun().await, "bob");
    let mut alice = Client::connect(&hub).await;
    for body in ["panic", "behind it", "too"] {
        alice.call(body).await;
    }
    assert_eq!(alice.close_code().await, Disconnect::InternalError.code());
    assert_eq!(keeper.begun().await, "panic");
    keeper.permits.add_permits(1);
    bob.is_answered(uuid, "bob").await;
    // The room of all of them is free again, and what came behind is never begun.
    let mut carol = Client::connect(&hub).await;
    let mut uuids = Vec::new();
    for number in 0..4 {
        uuids.push(carol.call(&number.to_string()).await);
    }
    keeper.permits.add_permits(4);
    for (number, uuid) in uuids.into_iter().enumerate() {
        assert_eq!(keeper.begun().await, number.to_string());
        carol.is_answered(uuid, &number.to_string()).await;
    }
}

/// Answers with so many messages of so many bytes.
struct Row(usize, usize);

#[async_trait]
impl AsyncHandler for Row {
    async fn call(&self, _connection: &Arc<Connection>, call: Message) -> Answer {
        let (count, bytes) = (self.0, self.1);
        let row = (0..count).map(move |number| {
            let mut body = number.to_string().into_bytes();
            body.resize(bytes, b' ');
            Message::with_uuid(Opcode::SERVER, call.uuid.clone(), "", body)
        });
        Answer::many(row)
    }
}

fn small(queue: &CallQueue) -> Hub {
    let config = conductor_hub::Config::default().message_bytes_max(8 * 1024).outbox_bytes_max(64 * 1024);
    Hub::start(config, Hooks::default().calls(queue.clone())).expect("it is valid")
}

#[tokio::test(start_paused = true)]
async fn a_row_of_answers_comes_as_fast_as_its_client_reads() {
    let queue = CallQueue::new(Config::default()).expect("the defaults are valid");
    let hub = small(&queue);
    // A hundred outboxes.
    let _calls = Calls::start(&queue, Row(640, 10_000)).expect("nobody answers yet");
    let mut alice = Client::connect_with(&hub, Admission::default(), 3_000).await;
    let uuid = alice.call("").await;
    for number in 0..640 {
        if number % 64 == 0 {
            // Long enough for a reader who stands still to fill every buffer.
            sleep(Duration::from_secs(1)).await;
        }
        let message = alice.next().await;
        assert_eq!(message.uuid, uuid);
        assert_eq!(String::from_utf8_lossy(&message.body).trim(), number.to_string());
    }
    alice.settle().await;
}

#[tokio::test]
async fn an_answer_that_no_outbox_takes_is_the_servers_fault() {
    let queue = CallQueue::new(Config::default()).expect("the defaults are valid");
    let hub = small(&queue);
    let _calls = Calls::start(&queue, Row(1, 70_000)).expect("nobody answers yet");
    let mut alice = Client::connect(&hub).await;
    alice.call("").await;
    assert_eq!(alice.close_code().await, Disconnect::InternalError.code());
}

#[tokio::test]
async fn a_queue_is_answered_by_one() {
    let (_hub, queue) = hub(Config::default());
    let calls = Calls::start(&queue, Arc::new(Never)).expect("nobody answers yet");
    let error = Calls::start(&queue, Never).expect_err("somebody answers");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(calls.shutdown(PATIENCE).await);
}

#[test]
fn outside_a_runtime_nobody_answers() {
    let queue = CallQueue::new(Config::default()).expect("the defaults are valid");
    assert_eq!(Calls::start(&queue, Never).expect_err("it is no runtime").kind(), ErrorKind::Config);
}

#[test]
fn settings_out_of_their_bounds_are_named() {
    for (config, named) in [
        (Config::default().calls_max(0), "calls_max is 0; it must be from 1 to 1048576"),
        (Config::default().bytes_max(65_535), "bytes_max is 65535; it must be at least 65536"),
        (Config::default().running_max(0), "running_max is 0"),
        (Config::default().running_max(65_537), "running_max is 65537"),
        (Config::default().answer_time(Duration::ZERO), "answer_time is 0ns"),
        (Config::default().answer_time(Duration::from_secs(7_200)), "answer_time is 7200s"),
    ] {
        let error = CallQueue::new(config).expect_err(named);
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().starts_with(named), "{error}");
    }
}
