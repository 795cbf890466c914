//! Clients that are admitted without a login, and log in over their connection.

use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use conductor_hub::calls::{self, AsyncHandler, CallQueue, Calls};
use conductor_hub::protocol::{Message, MessageRef, Opcode};
use conductor_hub::{
    Admission, Answer, Auth, Config, Connection, Disconnect, ErrorKind, Handler, Hooks, Hub, Right, Rights,
};
use futures_util::SinkExt;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite;

use crate::support::{Client, Heard};

/// How long the clients of these tests have for their login.
const LOGIN_TIME: Duration = Duration::from_secs(5);

fn hub(hooks: Hooks) -> Hub {
    Hub::start(Config::default(), hooks).expect("defaults are valid")
}

/// Connects a client that has to log in, and returns it with its connection.
async fn stranger(hub: &Hub) -> (Client, Arc<Connection>) {
    let known: Vec<_> = hub.connections().map(|connection| connection.id()).collect();
    let client = Client::connect_with(hub, Admission::awaiting_login(LOGIN_TIME), 64 * 1024).await;
    loop {
        let new = hub.connections().find(|connection| !known.contains(&connection.id()));
        if let Some(connection) = new {
            return (client, connection);
        }
        tokio::task::yield_now().await;
    }
}

/// Logs in whoever calls, as the user that the call names, and answers with what became of it.
#[derive(Default)]
struct LogsIn(OnceLock<Hub>);

impl LogsIn {
    fn log_in(&self, connection: &Arc<Connection>, call: Message) -> Message {
        let name = String::from_utf8_lossy(&call.body).into_owned();
        let inbox = format!("inbox of {name}");
        let hub = self.0.get().expect("the test has set it");
        let admission = Admission::user(name).bound_to(inbox);
        let said = match hub.log_in(connection, admission) {
            Ok(()) => "welcome".to_owned(),
            Err(refused) => format!("{:?}", refused.kind()),
        };
        Message::with_uuid(Opcode::SERVER, call.uuid, "", said)
    }
}

impl Handler for LogsIn {
    fn call(&self, connection: &Arc<Connection>, call: Message) -> Answer {
        self.log_in(connection, call).into()
    }
}

#[async_trait]
impl AsyncHandler for LogsIn {
    async fn call(&self, connection: &Arc<Connection>, call: Message) -> Answer {
        self.log_in(connection, call).into()
    }
}

/// Returns a hub whose handler logs clients in.
fn hub_with_handler(hooks: Hooks) -> Hub {
    let handler = Arc::new(LogsIn::default());
    let hub = hub(hooks.handler(Arc::clone(&handler)));
    handler.0.set(hub.clone()).expect("it is set once");
    hub
}

/// Calls, and returns the body of the answer.
async fn called(client: &mut Client, body: &'static str) -> Bytes {
    client.send(&Message::new(Opcode::SERVER, "", body)).await;
    client.next().await.body
}

/// Returns what was heard of until the end of alice, that included.
async fn heard_of_alice(heard: &mut mpsc::Receiver<String>) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        all.push(heard.recv().await.expect("the hub has the hook"));
        if all.last().is_some_and(|said| said.starts_with("alice disconnected")) {
            return all;
        }
    }
}

async fn all_have_left(hub: &Hub) {
    let left = async {
        while hub.stats().connections > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), left).await.expect("all have left");
}

#[tokio::test(start_paused = true)]
async fn who_logs_in_in_time_stays_for_longer_than_that_time() {
    let hub = hub_with_handler(Hooks::default());
    let (mut alice, connection) = stranger(&hub).await;
    assert!(connection.is_awaiting_login() && connection.user().is_none());
    tokio::time::sleep(LOGIN_TIME - Duration::from_secs(1)).await;
    assert_eq!(called(&mut alice, "alice").await, "welcome");
    assert!(!connection.is_awaiting_login());
    assert_eq!(connection.user(), Some("alice"));
    assert_eq!((hub.connections_of("alice").len(), hub.members("inbox of alice")), (1, 1));
    tokio::time::sleep(2 * LOGIN_TIME).await;
    alice.settle().await;
    assert_eq!(hub.disconnect_user("alice", Disconnect::Revoked), 1);
    assert_eq!(alice.close_code().await, Disconnect::Revoked.code());
}

#[tokio::test(start_paused = true)]
async fn who_does_not_log_in_is_closed_with_4302_and_nobody_hears_of_it() {
    let (lifecycle, mut heard) = Heard::new();
    let (hub, start) = (hub(Hooks::default().lifecycle(lifecycle)), Instant::now());
    let (mut client, connection) = stranger(&hub).await;
    // The program may bind it meanwhile, and nobody puts off the end of its time.
    assert!(hub.bind(&connection, "lobby").expect("there is room"));
    assert!(!connection.renew(std::time::Instant::now() + Duration::from_secs(3_600), None));
    client.settle().await;
    assert_eq!(client.close_code().await, Disconnect::LoginTimeout.code());
    let over = start.elapsed().checked_sub(LOGIN_TIME);
    assert!(over.is_some_and(|over| over < Duration::from_secs(1)), "{over:?}");
    let late = hub.log_in(&connection, Admission::user("alice")).expect_err("its time is over");
    assert_eq!(late.kind(), ErrorKind::Closed);
    // Nor does anybody hear of one that leaves by itself.
    let (leaver, _) = stranger(&hub).await;
    drop((client, leaver));
    all_have_left(&hub).await;
    assert!(heard.try_recv().is_err());
    assert_eq!((hub.stats().channels, hub.connections_of("alice").len()), (0, 0));
}

/// A hook that wants not to be asked about who has not logged in.
struct AskedOfUsers;

impl Auth for AskedOfUsers {
    fn can_bind(&self, connection: &Connection, _: MessageRef<'_>) -> bool {
        assert!(!connection.is_awaiting_login(), "it was asked about a bind");
        true
    }

    fn can_write(&self, connection: &Connection, message: MessageRef<'_>) -> bool {
        assert!(!connection.is_awaiting_login(), "it was asked about a write");
        connection.is_bound(message.channel)
    }
}

#[tokio::test]
async fn binds_and_writes_before_the_login_are_refused_without_asking_a_hook() {
    let hub = hub_with_handler(Hooks::default().auth(AskedOfUsers));
    let mut bob = Client::bound(&hub, "hello").await;
    let (mut alice, connection) = stranger(&hub).await;
    // Even where the program has bound it already.
    assert!(hub.bind(&connection, "hello").expect("there is room"));
    assert!(!connection.permits(Right::Write, "hello"));
    for opcode in
        [Opcode::BIND, Opcode::WRITE, Opcode::STREAM_START, Opcode::STREAM_WRITE, Opcode::STREAM_END]
    {
        alice.send(&Message::new(opcode, "hello", "early")).await;
    }
    alice.send(&Message::new(Opcode::BIND, "other", "")).await;
    alice.send(&Message::new(Opcode::UNBIND, "hello", "")).await;
    alice.settle().await;
    bob.settle().await;
    assert_eq!((hub.members("hello"), hub.members("other")), (2, 0));
    assert_eq!(called(&mut alice, "alice").await, "welcome");
    let sent = alice.write("hello", "in time").await;
    assert_eq!(bob.next().await, sent);
}

#[tokio::test]
async fn a_login_is_told_once_and_before_what_the_client_has_sent_behind_it() {
    let (lifecycle, mut heard) = Heard::new();
    let hub = hub_with_handler(Hooks::default().lifecycle(lifecycle));
    let (mut alice, connection) = stranger(&hub).await;
    assert!(hub.bind(&connection, "lobby").expect("there is room"));
    // All at once, so that the bind is there when the call is answered.
    for message in [Message::new(Opcode::SERVER, "", "alice"), Message::new(Opcode::BIND, "hello", "")] {
        let mut bytes = BytesMut::new();
        message.encode(&mut bytes).expect("it fits");
        alice.socket.feed(tungstenite::Message::Binary(bytes.freeze())).await.expect("the hub reads");
    }
    alice.socket.flush().await.expect("the hub reads");
    assert_eq!(alice.next().await.body, "welcome");
    alice.settle().await;
    drop(alice);
    let mut told = heard_of_alice(&mut heard).await;
    // The end unbinds in no particular order.
    told[4..7].sort_unstable();
    assert_eq!(
        told,
        [
            "alice connected",
            "alice bound inbox of alice (Admission)",
            "alice bound lobby (Server)",
            "alice bound hello (Client)",
            "alice unbound hello (End)",
            "alice unbound inbox of alice (End)",
            "alice unbound lobby (End)",
            "alice disconnected 1000 hello inbox of alice lobby",
        ]
    );
    all_have_left(&hub).await;
    assert!(heard.try_recv().is_err());
}

#[tokio::test]
async fn a_login_may_come_from_a_task_that_answers_calls() {
    let (lifecycle, mut heard) = Heard::new();
    let queue = CallQueue::new(calls::Config::default()).expect("the settings are valid");
    let hub = hub(Hooks::default().lifecycle(lifecycle).calls(queue.clone()));
    let handler = LogsIn::default();
    handler.0.set(hub.clone()).expect("it is set once");
    let calls = Calls::start(&queue, handler).expect("nobody answers yet");
    let (mut alice, _) = stranger(&hub).await;
    assert_eq!(called(&mut alice, "alice").await, "welcome");
    alice.send(&Message::new(Opcode::BIND, "hello", "")).await;
    assert_eq!(called(&mut alice, "bob").await, "InvalidInput");
    drop(alice);
    let told = heard_of_alice(&mut heard).await;
    let first = ["alice connected", "alice bound inbox of alice (Admission)", "alice bound hello (Client)"];
    assert_eq!(told[..3], first);
    assert!(hub.shutdown(Duration::from_secs(60)).await && calls.shutdown(Duration::from_secs(60)).await);
}

#[tokio::test]
async fn only_who_awaits_a_login_is_logged_in_and_only_once() {
    let hub = hub_with_handler(Hooks::default());
    let (mut alice, connection) = stranger(&hub).await;
    let itself = Admission::awaiting_login(LOGIN_TIME);
    let refused = hub.log_in(&connection, itself).expect_err("it is no login");
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert!(connection.is_awaiting_login(), "it may try again");
    assert_eq!(called(&mut alice, "alice").await, "welcome");
    assert_eq!(called(&mut alice, "bob").await, "InvalidInput");
    assert_eq!((connection.user(), hub.connections_of("bob").len()), (Some("alice"), 0));
    assert!(!connection.is_bound("inbox of bob"));
    // Nor one that was admitted with all it has.
    let mut carol = Client::connect_with(&hub, Admission::default(), 4_096).await;
    assert_eq!(called(&mut carol, "carol").await, "InvalidInput");
    assert_eq!(hub.connections_of("carol").len(), 0);
    // Nor one of another hub.
    let other = self::hub(Hooks::default());
    let (_client, connection) = stranger(&other).await;
    let refused = hub.log_in(&connection, Admission::user("dave")).expect_err("it is of another hub");
    assert_eq!(refused.kind(), ErrorKind::Closed);
    assert!(connection.is_awaiting_login());
}

#[tokio::test(start_paused = true)]
async fn a_login_brings_rights_data_and_an_expiry_of_its_own() {
    let hub = hub(Hooks::default());
    let mut admission = Admission::awaiting_login(LOGIN_TIME).data("kept").data(1_u32);
    admission.user = Some("mallory".to_owned());
    let mut client = Client::connect_with(&hub, admission, 4_096).await;
    client.settle().await;
    assert!(hub.connections_of("mallory").is_empty(), "a user is known by the login alone");
    let connection = hub.connections().next().expect("it is connected");
    let rights = Rights::default().prefix(Right::Bind, "room:");
    let expires_at = (Instant::now() + Duration::from_secs(20)).into_std();
    let login = Admission::user("alice").rights(rights).data(2_u32).expires_at(expires_at);
    hub.log_in(&connection, login).expect("it awaits one");
    let data = connection.data();
    assert_eq!((data.get::<u32>().as_deref(), data.get::<&str>().as_deref()), (Some(&2), Some(&"kept")));
    assert!(connection.permits(Right::Bind, "room:tea") && !connection.permits(Right::Bind, "kitchen"));
    for channel in ["room:tea", "kitchen"] {
        client.send(&Message::new(Opcode::BIND, channel, "")).await;
    }
    client.settle().await;
    assert_eq!((hub.members("room:tea"), hub.members("kitchen")), (1, 0));
    assert_eq!(client.close_code().await, Disconnect::Expired.code());
    // One whose login is over when it comes is closed as it would be at its admission.
    let (mut late, connection) = stranger(&hub).await;
    let over = Admission::user("late").expires_at(std::time::SystemTime::UNIX_EPOCH);
    hub.log_in(&connection, over).expect("it awaits one");
    assert_eq!(late.close_code().await, Disconnect::Expired.code());
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_closes_those_who_have_not_logged_in_like_all_others() {
    let (lifecycle, mut heard) = Heard::new();
    let hub = hub(Hooks::default().lifecycle(lifecycle));
    let (mut client, connection) = stranger(&hub).await;
    let (ended, code) = tokio::join!(hub.shutdown(Duration::from_secs(60)), client.close_code());
    assert_eq!((ended, code), (true, Disconnect::Restart.code()));
    let late = hub.log_in(&connection, Admission::user("alice")).expect_err("the hub is shut down");
    assert_eq!(late.kind(), ErrorKind::Closed);
    assert!(heard.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_races_with_the_end_leaves_nothing_behind() {
    let (lifecycle, mut heard) = Heard::new();
    let hub = hub(Hooks::default().lifecycle(lifecycle));
    let (mut logged_in, mut too_late) = (0, 0);
    for round in 0..400 {
        let (client, connection) = stranger(&hub).await;
        let login = thread::spawn({
            let (hub, connection) = (hub.clone(), Arc::clone(&connection));
            move || hub.log_in(&connection, Admission::user("alice").bound_to("inbox"))
        });
        // It is ended by its client, and every other time by the program before.
        if round % 2 == 0 {
            connection.close(Disconnect::Kicked);
        }
        drop(client);
        let login = login.join().expect("it does not panic");
        all_have_left(&hub).await;
        assert_eq!((hub.connections_of("alice").len(), hub.stats().channels), (0, 0));
        let told = std::iter::from_fn(|| heard.try_recv().ok()).collect::<Vec<_>>();
        if let Err(refused) = login {
            assert_eq!((refused.kind(), told), (ErrorKind::Closed, Vec::new()));
            too_late += 1;
        } else {
            assert_eq!(told.first().map(String::as_str), Some("alice connected"), "{told:?}");
            assert!(told.last().is_some_and(|last| last.starts_with("alice disconnected")), "{told:?}");
            logged_in += 1;
        }
    }
    assert_eq!(logged_in + too_late, 400);
}
