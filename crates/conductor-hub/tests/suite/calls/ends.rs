//! Calls as their queue, their hub or their connection ends.

use std::time::Duration;

use conductor_hub::calls::{Calls, Config};
use conductor_hub::{Disconnect, ErrorKind};
use futures_util::FutureExt;

use super::{Never, PATIENCE, gate, hub};
use crate::support::{Client, Recorder};

#[tokio::test]
async fn the_hub_answers_what_was_accepted_before_it_closes_its_connections() {
    let (gate, mut keeper) = gate();
    let (hub, queue) = hub(Config::default());
    let calls = Calls::start(&queue, gate).expect("nobody answers yet");
    let mut alice = Client::connect(&hub).await;
    let (one, two) = (alice.call("one").await, alice.call("two").await);
    alice.settle().await;
    assert_eq!(keeper.begun().await, "one");
    let mut ended = Box::pin(hub.shutdown(PATIENCE));
    assert!((&mut ended).now_or_never().is_none(), "a call is not answered yet");
    let three = alice.call("three").await;
    alice.is_answered(three, r#"{"error":"too many calls wait; call again"}"#).await;
    keeper.permits.add_permits(2);
    let client = async {
        alice.is_answered(one, "one").await;
        alice.is_answered(two, "two").await;
        alice.close_code().await
    };
    let (ended, code) = tokio::join!(ended, client);
    assert_eq!((ended, code), (true, Disconnect::Restart.code()));
    assert!(calls.shutdown(PATIENCE).await, "it has ended with its hub");
}

#[tokio::test]
async fn calls_that_do_not_end_keep_no_hub_open() {
    let (hub, queue) = hub(Config::default());
    let _calls = Calls::start(&queue, Never).expect("nobody answers yet");
    let mut alice = Client::connect(&hub).await;
    alice.call("one").await;
    alice.settle().await;
    let (ended, code) = tokio::join!(hub.shutdown(Duration::from_millis(50)), alice.close_code());
    assert_eq!((ended, code), (false, Disconnect::Restart.code()));
}

#[tokio::test]
async fn a_shutdown_that_is_given_up_has_closed_the_connections_all_the_same() {
    let (hub, queue) = hub(Config::default());
    let _calls = Calls::start(&queue, Never).expect("nobody answers yet");
    let mut alice = Client::connect(&hub).await;
    alice.call("one").await;
    alice.settle().await;
    assert!(hub.shutdown(PATIENCE).now_or_never().is_none());
    assert_eq!(alice.close_code().await, Disconnect::Restart.code());
}

#[tokio::test]
async fn calls_that_nobody_ever_answers_end_with_the_hub() {
    let (hub, queue) = hub(Config::default());
    let mut alice = Client::connect(&hub).await;
    alice.call("one").await;
    alice.settle().await;
    let (ended, code) = tokio::join!(hub.shutdown(PATIENCE), alice.close_code());
    assert_eq!((ended, code), (true, Disconnect::Restart.code()));
    let (gate, _keeper) = gate();
    assert_eq!(Calls::start(&queue, gate).expect_err("it is closed").kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn what_was_accepted_is_answered_before_the_end_and_nothing_after_it() {
    let (gate, mut keeper) = gate();
    let (hub, queue) = hub(Config::default().running_max(1).busy_answer("closed"));
    let calls = Calls::start(&queue, gate).expect("nobody answers yet");
    let mut alice = Client::connect(&hub).await;
    let (one, two) = (alice.call("one").await, alice.call("two").await);
    alice.settle().await;
    // Neither is answered yet, so they do not end in no time; and then they do.
    assert!(!calls.shutdown(Duration::ZERO).await);
    keeper.permits.add_permits(2);
    assert!(calls.shutdown(PATIENCE).await);
    alice.is_answered(one, "one").await;
    alice.is_answered(two, "two").await;
    let three = alice.call("three").await;
    alice.is_answered(three, "closed").await;
    assert_eq!((keeper.begun().await, keeper.begun().await), ("one".to_owned(), "two".to_owned()));
    assert!(keeper.nothing_more_is_begun());
}

#[tokio::test]
async fn the_last_handle_ends_the_calls_without_waiting() {
    let (gate, keeper) = gate();
    let (hub, queue) = hub(Config::default().busy_answer("closed"));
    let calls = Calls::start(&queue, gate).expect("nobody answers yet");
    let mut alice = Client::connect(&hub).await;
    let one = alice.call("one").await;
    alice.settle().await;
    drop(calls.clone());
    let two = alice.call("two").await;
    alice.settle().await;
    drop(calls);
    let three = alice.call("three").await;
    alice.is_answered(three, "closed").await;
    keeper.permits.add_permits(2);
    alice.is_answered(one, "one").await;
    alice.is_answered(two, "two").await;
}

#[tokio::test]
async fn answers_that_no_client_gets_are_counted() {
    let lost = Recorder::default();
    // For this thread, on which all of the test runs.
    let _recording = metrics::set_default_local_recorder(&lost);
    let (gate, mut keeper) = gate();
    let (hub, queue) = hub(Config::default());
    let mut alice = Client::connect(&hub).await;
    alice.call("of one who leaves").await;
    alice.settle().await;
    drop(alice);
    while hub.stats().connections > 0 {
        tokio::task::yield_now().await;
    }
    let mut bob = Client::connect(&hub).await;
    for body in ["panic", "behind it", "and that"] {
        bob.call(body).await;
    }
    bob.settle().await;
    let mut carol = Client::connect(&hub).await;
    let answered = carol.call("carol").await;
    carol.settle().await;
    keeper.permits.add_permits(2);
    let calls = Calls::start(&queue, gate).expect("nobody answers yet");
    assert_eq!(bob.close_code().await, Disconnect::InternalError.code());
    carol.is_answered(answered, "carol").await;
    assert!(calls.shutdown(PATIENCE).await);
    // The call of who left was worked on for nobody, and the two behind the panic were dropped.
    assert_eq!(lost.count("hub_answers_lost_total"), 3);
    let mut begun = [keeper.begun().await, keeper.begun().await, keeper.begun().await];
    begun.sort();
    assert_eq!(begun, ["carol", "of one who leaves", "panic"]);
    assert!(keeper.nothing_more_is_begun());
}

#[tokio::test]
async fn calls_that_nobody_began_to_answer_are_counted_as_lost() {
    let lost = Recorder::default();
    let _recording = metrics::set_default_local_recorder(&lost);
    let (hub, _queue) = hub(Config::default());
    let mut alice = Client::connect(&hub).await;
    for body in ["one", "two"] {
        alice.call(body).await;
    }
    alice.settle().await;
    drop(hub);
    assert_eq!(alice.close_code().await, Disconnect::Restart.code());
    assert_eq!(lost.count("hub_answers_lost_total"), 2);
}
