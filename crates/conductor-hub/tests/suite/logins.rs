//! How long a login lasts, what it permits, and what the program keeps with it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use conductor_hub::protocol::{Message, MessageRef, Opcode};
use conductor_hub::{
    Admission, Answer, Auth, BindCause, Config, Connection, Disconnect, Handler, Hooks, Hub, Lifecycle,
    Right, Rights,
};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::support::{Client, Heard};

fn hub(hooks: Hooks) -> Hub {
    Hub::start(Config::default(), hooks).expect("defaults are valid")
}

/// Returns the time that is so far away, by the clock that tests pause.
fn after(seconds: u64) -> std::time::Instant {
    (Instant::now() + Duration::from_secs(seconds)).into_std()
}

fn connection_of(hub: &Hub, user: &str) -> Arc<Connection> {
    hub.connections_of(user).pop().expect("the user is connected")
}

/// Returns what is heard of the end of alice.
async fn end_of_alice(heard: &mut mpsc::Receiver<String>) -> String {
    loop {
        let said = heard.recv().await.expect("the hub has the hook");
        if said.starts_with("alice disconnected") {
            return said;
        }
    }
}

/// Asserts that a time is over, and was not a second ago.
fn assert_just_over(start: Instant, seconds: u64) {
    let elapsed = start.elapsed();
    let over = elapsed.checked_sub(Duration::from_secs(seconds));
    assert!(over.is_some_and(|over| over < Duration::from_secs(1)), "{elapsed:?} instead of {seconds} s");
}

#[tokio::test(start_paused = true)]
async fn login_that_is_not_renewed_ends_within_a_second_of_its_time() {
    let (hub, start) = (hub(Hooks::default()), Instant::now());
    let stays = Client::bound(&hub, "hello").await;
    let admission = Admission::user("alice").bound_to("hello").expires_at(after(20));
    let mut alice = Client::connect_with(&hub, admission, 4_096).await;
    alice.settle().await;
    let connection = connection_of(&hub, "alice");
    assert_eq!(alice.close_code().await, Disconnect::Expired.code());
    assert_just_over(start, 20);
    assert!(!connection.renew(after(60), None), "it is too late");
    assert_eq!(hub.members("hello"), 1);
    drop(stays);
}

#[tokio::test(start_paused = true)]
async fn login_that_is_over_ends_also_a_client_that_does_not_read() {
    let (lifecycle, mut heard) = Heard::new();
    let (hub, start) = (hub(Hooks::default().lifecycle(lifecycle)), Instant::now());
    let admission = Admission::user("alice").bound_to("hello").expires_at(after(5));
    let mut alice = Client::connect_with(&hub, admission, 64).await;
    alice.settle().await;
    hub.publish("hello", vec![0; 10_000]).expect("name is short");
    assert_eq!(end_of_alice(&mut heard).await, "alice disconnected 4200 hello");
    assert_just_over(start, 5);
}

#[tokio::test(start_paused = true)]
async fn login_that_ends_while_its_client_is_being_kicked_brings_nobody_back() {
    let (lifecycle, mut heard) = Heard::new();
    let hub = hub(Hooks::default().lifecycle(lifecycle));
    let admission = Admission::user("alice").bound_to("hello").expires_at(after(5));
    let mut alice = Client::connect_with(&hub, admission, 64).await;
    alice.settle().await;
    // It does not read, so it cannot be told before its login ends.
    hub.publish("hello", vec![0; 10_000]).expect("name is short");
    assert_eq!(hub.disconnect_user("alice", Disconnect::Kicked), 1);
    assert_eq!(end_of_alice(&mut heard).await, "alice disconnected 4004 hello");
}

#[tokio::test(start_paused = true)]
async fn login_that_is_revoked_ends_at_once_also_while_its_client_does_not_read() {
    let (lifecycle, mut heard) = Heard::new();
    let (hub, start) = (hub(Hooks::default().lifecycle(lifecycle)), Instant::now());
    let mut alice = Client::connect_with(&hub, Admission::user("alice").bound_to("hello"), 64).await;
    alice.settle().await;
    hub.publish("hello", vec![0; 10_000]).expect("name is short");
    assert_eq!(hub.disconnect_user("alice", Disconnect::Revoked), 1);
    assert_eq!(end_of_alice(&mut heard).await, "alice disconnected 4301 hello");
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn login_that_is_renewed_lasts_as_long_as_was_said_last() {
    let (hub, start) = (hub(Hooks::default()), Instant::now());
    let admission = Admission::user("alice").expires_at(after(10));
    let mut alice = Client::connect_with(&hub, admission, 4_096).await;
    alice.settle().await;
    let connection = connection_of(&hub, "alice");
    // Later than was said, and then earlier than that.
    assert!(connection.renew(after(3_600), None));
    tokio::time::advance(Duration::from_secs(15)).await;
    alice.settle().await;
    assert!(connection.renew(after(10), None));
    assert_eq!(alice.close_code().await, Disconnect::Expired.code());
    assert_just_over(start, 25);
}

#[tokio::test(start_paused = true)]
async fn expiry_may_be_a_time_of_day_and_may_be_over() {
    let hub = hub(Hooks::default());
    let over = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    let start = Instant::now();
    let mut late = Client::connect_with(&hub, Admission::user("late").expires_at(over), 4_096).await;
    assert_eq!(late.close_code().await, Disconnect::Expired.code());
    assert_just_over(start, 0);
    // Of a time that no clock reaches nothing overflows.
    let never = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(u32::MAX) * 1_000);
    let mut early = Client::connect_with(&hub, Admission::user("early").expires_at(never), 4_096).await;
    early.settle().await;
}

/// A hook that takes its time.
struct Hangs(Notify);

#[async_trait]
impl Lifecycle for Hangs {
    async fn connected(&self, _: &Arc<Connection>) {
        self.0.notified().await;
    }
}

#[tokio::test(start_paused = true)]
async fn login_that_is_over_is_given_nothing_more_while_a_hook_hangs() {
    let hangs = Arc::new(Hangs(Notify::new()));
    let hub = hub(Hooks::default().lifecycle(Arc::clone(&hangs)));
    let admission = Admission::user("alice").bound_to("hello").expires_at(after(5));
    let mut alice = Client::connect_with(&hub, admission, 4_096).await;
    while hub.members("hello") == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(hub.publish("hello", "in time").expect("name is short"), 1);
    assert_eq!(alice.next().await.body, "in time");
    tokio::time::sleep(Duration::from_millis(5_100)).await;
    assert_eq!(hub.publish("hello", "too late").expect("name is short"), 0);
    hangs.0.notify_one();
    assert_eq!(alice.close_code().await, Disconnect::Expired.code());
}

#[tokio::test]
async fn rights_decide_for_a_program_without_a_hook_of_its_own() {
    let hub = hub(Hooks::default());
    let rights = Rights::default().prefix(Right::Bind, "room:").channel(Right::Write, "room:tea");
    let admission = Admission::user("alice").bound_to("inbox").rights(rights);
    let mut alice = Client::connect_with(&hub, admission, 4_096).await;
    let mut bob = Client::connect(&hub).await;
    for channel in ["room:tea", "room:coffee", "kitchen", "inbox"] {
        for client in [&mut alice, &mut bob] {
            client.send(&Message::new(Opcode::BIND, channel, "")).await;
            client.settle().await;
        }
    }
    assert_eq!((hub.members("room:coffee"), hub.members("kitchen"), hub.members("inbox")), (2, 1, 2));
    alice.write("room:coffee", "not here").await;
    let tea = alice.write("room:tea", "hi").await;
    assert_eq!(bob.next().await, tea);
    let connection = connection_of(&hub, "alice");
    assert!(connection.permits(Right::Bind, "room:") && !connection.permits(Right::History, "room:tea"));
    let others = Rights::default().prefix(Right::Write, "");
    assert!(connection.renew(after(60), Some(Arc::new(others))));
    let coffee = alice.write("room:coffee", "now").await;
    assert_eq!(bob.next().await, coffee, "what it is bound to stays");
    alice.send(&Message::new(Opcode::UNBIND, "room:tea", "")).await;
    alice.send(&Message::new(Opcode::BIND, "room:tea", "")).await;
    alice.settle().await;
    assert_eq!(hub.members("room:tea"), 1);
}

/// Where a connection has been, in the words of the hooks.
#[derive(Default)]
struct Trail(Mutex<Vec<&'static str>>);

/// Hooks of which each leaves a word in the trail of the connection.
struct Leaves(mpsc::Sender<Vec<&'static str>>);

fn leave(connection: &Connection, word: &'static str) {
    let trail = connection.data().get::<Trail>().expect("the admission has one");
    trail.0.lock().push(word);
}

impl Auth for Leaves {
    fn can_bind(&self, connection: &Connection, _: MessageRef<'_>) -> bool {
        leave(connection, "can_bind");
        true
    }

    fn can_write(&self, connection: &Connection, _: MessageRef<'_>) -> bool {
        leave(connection, "can_write");
        true
    }
}

#[async_trait]
impl Lifecycle for Leaves {
    async fn connected(&self, connection: &Arc<Connection>) {
        leave(connection, "connected");
    }

    async fn alive(&self, connection: &Arc<Connection>) {
        leave(connection, "alive");
    }

    async fn disconnected(&self, connection: &Arc<Connection>, _: Disconnect, _: &[Arc<str>]) {
        leave(connection, "disconnected");
        let trail = connection.data().remove::<Trail>().expect("it is taken once");
        self.0.try_send(trail.0.lock().clone()).expect("the test listens");
    }

    fn bound(&self, connection: &Arc<Connection>, _: &str, _: BindCause) {
        leave(connection, "bound");
    }

    fn unbound(&self, connection: &Arc<Connection>, _: &str, _: BindCause) {
        leave(connection, "unbound");
    }
}

impl Handler for Leaves {
    fn call(&self, connection: &Arc<Connection>, call: Message) -> Answer {
        leave(connection, "call");
        call.into()
    }
}

#[tokio::test(start_paused = true)]
async fn data_is_at_hand_in_every_hook() {
    let (sender, mut trails) = mpsc::channel(1);
    let leaves = Arc::new(Leaves(sender));
    let hooks = Hooks::default().auth(leaves.clone()).lifecycle(leaves.clone()).handler(leaves);
    let hub = hub(hooks);
    let mut alice = Client::connect_with(&hub, Admission::user("alice").data(Trail::default()), 4_096).await;
    alice.settle().await;
    // It was silent for less than it may be when it is first judged, so the hub counts it alive.
    tokio::time::advance(Duration::from_secs(26)).await;
    alice.settle().await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    alice.send(&Message::new(Opcode::BIND, "hello", "")).await;
    alice.write("hello", "hi").await;
    let call = Message::new(Opcode::SERVER, "", "who am I");
    alice.send(&call).await;
    assert_eq!(alice.next().await, call);
    alice.send(&Message::new(Opcode::UNBIND, "hello", "")).await;
    alice.settle().await;
    drop(alice);
    let trail = trails.recv().await.expect("the connection ends");
    let expected =
        ["connected", "alive", "can_bind", "bound", "can_write", "call", "unbound", "disconnected"];
    assert_eq!(trail, expected);
}

#[tokio::test]
async fn data_has_one_value_of_each_type_for_as_long_as_the_connection_is_kept() {
    let hub = hub(Hooks::default());
    let admission = Admission::user("alice").data(1_u32).data("one").data(2_u32);
    let mut alice = Client::connect_with(&hub, admission, 4_096).await;
    alice.settle().await;
    let connection = connection_of(&hub, "alice");
    let data = connection.data();
    assert_eq!((data.get::<u32>().as_deref(), data.get::<&str>().as_deref()), (Some(&2), Some(&"one")));
    let kept = data.get::<u32>();
    data.insert(3_u32);
    assert_eq!((kept.as_deref(), data.get::<u32>().as_deref()), (Some(&2), Some(&3)));
    drop(alice);
    while hub.stats().connections > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(data.remove::<u32>().as_deref(), Some(&3));
    assert_eq!((data.get::<u32>(), data.remove::<u8>()), (None, None));
}

/// A value whose end looks at the data that it was part of.
struct Last(std::sync::Weak<Connection>);

impl Drop for Last {
    fn drop(&mut self) {
        if let Some(connection) = self.0.upgrade() {
            connection.data().insert("it has gone");
        }
    }
}

#[tokio::test]
async fn a_value_that_is_replaced_may_use_the_data_itself() {
    let hub = hub(Hooks::default());
    let mut alice = Client::connect_with(&hub, Admission::user("alice"), 4_096).await;
    alice.settle().await;
    let connection = connection_of(&hub, "alice");
    connection.data().insert(Last(Arc::downgrade(&connection)));
    connection.data().insert(Last(std::sync::Weak::new()));
    assert_eq!(connection.data().get::<&str>().as_deref(), Some(&"it has gone"));
}
