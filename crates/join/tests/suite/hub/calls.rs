//! Calls wait for their answers, in a queue and for a time that are bounded.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::{Answer, Connection, Handler, Hooks, Hub};
use tidings_join::ErrorKind;
use tidings_join::calls::{self, CallQueue, Calls, Config};
use tokio::sync::Semaphore;

use super::client::{Client, Names};
use crate::PATIENCE;

/// Queues each call, and answers at once with the kind of the error if that fails.
struct Queued(CallQueue<String>);

impl Handler for Queued {
    fn call(&self, connection: &Arc<Connection>, call: Message) -> Answer {
        let text = String::from_utf8_lossy(&call.body).into_owned();
        match self.0.push(connection, call.uuid.clone(), text) {
            Ok(()) => Answer::none(),
            Err(error) => {
                Message::with_uuid(Opcode::SERVER, call.uuid, "", format!("{:?}", error.kind())).into()
            }
        }
    }
}

fn hub(queue: CallQueue<String>) -> Hub {
    let hooks = Hooks::default().auth(Names).handler(Queued(queue));
    Hub::start(Default::default(), hooks).expect("the defaults are valid")
}

#[tokio::test]
async fn calls_wait_until_they_can_be_answered_and_one_too_many_is_refused() {
    let (queue, waiting) = calls::queue(2);
    let hub = hub(queue);
    let mut alice = Client::connect(&hub, "alice").await;
    let one = alice.send(Opcode::SERVER, "", "one").await;
    let two = alice.send(Opcode::SERVER, "", "two").await;
    let three = alice.send(Opcode::SERVER, "", "three").await;
    let refused = alice.next().await;
    assert_eq!((refused.uuid, refused.body.as_ref()), (three, b"Busy".as_ref()));

    // One at a time, so that the answers come in order.
    let config = Config::default().running_max(1);
    let calls = Calls::start(config, waiting, |caller, text: String| async move {
        format!("{} to {}", text, caller.user().unwrap_or("nobody"))
    });
    for (uuid, text) in [(one, "one to alice"), (two, "two to alice")] {
        let answer = alice.next().await;
        assert_eq!((answer.uuid, answer.body.as_ref()), (uuid, text.as_bytes()));
        assert_eq!((answer.opcode, answer.channel.as_str()), (Opcode::SERVER, ""));
    }
    assert!(calls.unwrap().shutdown(PATIENCE).await);
}

#[tokio::test]
async fn who_is_not_answered_in_time_is_told_so() {
    let (queue, waiting) = calls::queue(9);
    let hub = hub(queue);
    let config = Config::default().answer_time(Duration::from_millis(1)).late_answer("late");
    let calls = Calls::start(config, waiting, |_caller, _text| pending::<String>()).unwrap();
    let mut alice = Client::connect(&hub, "alice").await;
    let uuid = alice.send(Opcode::SERVER, "", "hello").await;
    let answer = alice.next().await;
    assert_eq!((answer.uuid, answer.body.as_ref()), (uuid, b"late".as_ref()));
    drop(calls);
}

#[tokio::test]
async fn what_was_accepted_is_answered_before_the_end_and_nothing_after_it() {
    let (queue, waiting) = calls::queue(9);
    let hub = hub(queue);
    let places = Arc::new(Semaphore::new(0));
    let permits = Arc::clone(&places);
    let config = Config::default().running_max(1);
    let calls = Calls::start(config, waiting, move |_caller, text: String| {
        let permits = Arc::clone(&permits);
        async move {
            permits.acquire().await.expect("it is open").forget();
            text
        }
    });
    let calls = calls.unwrap();
    let mut alice = Client::connect(&hub, "alice").await;
    for text in ["one", "two"] {
        alice.send(Opcode::SERVER, "", text).await;
    }
    alice.settle().await;
    // Neither is answered yet, so they do not end in no time; and then they do.
    assert!(!calls.shutdown(Duration::ZERO).await);
    places.add_permits(2);
    assert!(calls.shutdown(PATIENCE).await);
    assert_eq!((alice.next().await.body, alice.next().await.body), ("one".into(), "two".into()));
    alice.send(Opcode::SERVER, "", "three").await;
    assert_eq!(alice.next().await.body, "Closed");
}

#[tokio::test]
async fn settings_out_of_their_bounds_are_named() {
    let hour = Duration::from_hours(1);
    for (config, named) in [
        (Config::default().running_max(0), "running_max is 0"),
        (Config::default().running_max(65_537), "running_max is 65537"),
        (Config::default().answer_time(Duration::ZERO), "answer_time is 0ns"),
        (Config::default().answer_time(hour * 2), "answer_time is 7200s"),
    ] {
        let (_queue, waiting) = calls::queue::<String>(0);
        let error = Calls::start(config, waiting, |_caller, text| async move { text }).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().starts_with(named), "{error}");
    }
}
