//! What a program does with the connections of its hub.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::{
    Admission, Config, Connection, ConnectionId, Disconnect, ErrorKind, Hooks, Hub, Lifecycle,
};
use parking_lot::Mutex;

use crate::support::{Client, Heard};

fn hub() -> Hub {
    Hub::start(Config::default(), Hooks::default()).expect("defaults are valid")
}

async fn user(hub: &Hub, name: &str) -> Client {
    let mut client = Client::connect_with(hub, Admission::user(name), 4_096).await;
    client.settle().await;
    client
}

fn connection_of(hub: &Hub, user: &str) -> Arc<Connection> {
    hub.connections_of(user).pop().expect("the user is connected")
}

fn ids(connections: impl IntoIterator<Item = Arc<Connection>>) -> Vec<ConnectionId> {
    connections.into_iter().map(|connection| connection.id()).collect()
}

#[tokio::test]
async fn connections_are_found_by_user_and_channel_however_many_came_and_went() {
    let hub = hub();
    // By user; those of "0" have no user.
    let mut open: BTreeMap<usize, Vec<Client>> = BTreeMap::new();
    for round in 1..=6 {
        for number in 0..60 {
            let name = number % 7;
            let admission = if name == 0 { Admission::default() } else { Admission::user(name.to_string()) };
            let admission = admission.bound_to(format!("all {}", number % 2)).bound_to(name.to_string());
            let mut client = Client::connect_with(&hub, admission, 4_096).await;
            client.settle().await;
            open.entry(name).or_default().push(client);
        }
        // In the last round all go, before that some users wholly and of others some connections.
        open.retain(|name, _| round < 6 && (name + round) % 5 > 0);
        open.values_mut().for_each(|clients| clients.truncate(clients.len() / 2 + 1));
        let left: usize = open.values().map(Vec::len).sum();
        while hub.stats().connections > left {
            tokio::task::yield_now().await;
        }
        assert_eq!(hub.connections().count(), left);
        for name in 1..7 {
            let connections = hub.connections_of(&name.to_string());
            assert_eq!(connections.len(), open.get(&name).map_or(0, Vec::len), "user {name}");
            assert!(connections.iter().all(|connection| connection.user() == Some(&*name.to_string())));
            let (by_user, mut by_channel) = (ids(connections), ids(hub.connections_in(&name.to_string())));
            assert!(by_user.is_sorted(), "the oldest is first");
            by_channel.sort_unstable();
            assert_eq!(by_user, by_channel, "user {name}");
        }
        let in_all = hub.connections_in("all 0").len() + hub.connections_in("all 1").len();
        assert_eq!((in_all, hub.connections_of("").len()), (left, 0));
    }
}

#[tokio::test]
async fn program_binds_and_unbinds_a_connection_at_once() {
    let hub = hub();
    let mut alice = user(&hub, "alice").await;
    let connection = connection_of(&hub, "alice");
    assert!(hub.bind(&connection, "news").expect("there is room"));
    assert!(!hub.bind(&connection, "news").expect("it is bound already"));
    assert_eq!(hub.publish("news", "one").expect("name is short"), 1);
    assert!(connection.is_bound("news") && hub.unbind(&connection, "news"));
    assert_eq!(hub.publish("news", "two").expect("name is short"), 0);
    assert!(!hub.unbind(&connection, "news"));
    assert_eq!(alice.next().await.body, "one");
    alice.settle().await;
    assert_eq!(hub.stats().channels, 0);
}

#[tokio::test]
async fn what_cannot_be_bound_says_why() {
    let config = Config::default().channels_per_connection_max(2);
    let hub = Hub::start(config, Hooks::default()).expect("configuration is valid");
    let mut alice = user(&hub, "alice").await;
    let connection = connection_of(&hub, "alice");
    for channel in ["a", "b"] {
        hub.bind(&connection, channel).expect("there is room");
    }
    let full = hub.bind(&connection, "c").expect_err("two are as many as may be");
    assert_eq!(full.kind(), ErrorKind::Full);
    alice.settle().await;
    let other = self::hub().bind(&connection, "c").expect_err("it is of another hub");
    assert_eq!(other.kind(), ErrorKind::Closed);
    assert!(hub.disconnect(connection.id(), Disconnect::Kicked));
    assert_eq!(alice.close_code().await, Disconnect::Kicked.code());
    drop(alice);
    while hub.stats().connections > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(hub.bind(&connection, "a").expect_err("it has ended").kind(), ErrorKind::Closed);
    assert!(!hub.disconnect(connection.id(), Disconnect::Kicked));
    assert_eq!((hub.members("a"), hub.stats().channels), (0, 0));
}

#[tokio::test]
async fn a_hub_unbinds_no_connection_of_another() {
    let (ours, theirs) = (hub(), hub());
    let mut alice = user(&ours, "alice").await;
    let connection = connection_of(&ours, "alice");
    assert!(ours.bind(&connection, "news").expect("there is room"));
    assert!(!theirs.unbind(&connection, "news"));
    // What the other hub counts would otherwise fall below nothing, and it would end everybody.
    assert_eq!((ours.members("news"), theirs.stats().binds_bytes), (1, 0));
    alice.settle().await;
}

#[tokio::test]
async fn all_connections_of_a_user_are_ended_and_nobody_elses() {
    let hub = hub();
    let (mut one, mut two, mut bob) =
        (user(&hub, "alice").await, user(&hub, "alice").await, user(&hub, "bob").await);
    let mut nameless = Client::bound(&hub, "hello").await;
    assert_eq!(hub.disconnect_user("alice", Disconnect::Kicked), 2);
    for client in [&mut one, &mut two] {
        assert_eq!(client.close_code().await, Disconnect::Kicked.code());
    }
    bob.settle().await;
    nameless.settle().await;
    drop((one, two));
    while hub.stats().connections > 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(hub.disconnect_user("alice", Disconnect::Kicked), 0);
}

#[tokio::test]
async fn program_publishes_to_all_but_one_and_to_one_alone() {
    let hub = hub();
    let (mut alice, mut bob) = (user(&hub, "alice").await, user(&hub, "bob").await);
    let (of_alice, of_bob) = (connection_of(&hub, "alice"), connection_of(&hub, "bob"));
    for connection in [&of_alice, &of_bob] {
        hub.bind(connection, "news").expect("there is room");
    }
    let receivers = hub.publish_except("news", "alice did it", of_alice.id()).expect("name is short");
    assert_eq!((receivers, bob.next().await.body), (1, "alice did it".into()));
    of_alice.publish("elsewhere", "for you alone").expect("the client reads");
    let alone = alice.next().await;
    assert_eq!(
        (alone.opcode, &*alone.channel, &*alone.body),
        (Opcode::WRITE, "elsewhere", &b"for you alone"[..])
    );
    bob.settle().await;
    assert_eq!(hub.publish_except("nobody", "", of_bob.id()).expect("name is short"), 0);
}

/// Gives each connection the channels of its user when it comes, and takes one away.
#[derive(Clone, Default)]
struct Places(Arc<Mutex<Option<Hub>>>);

#[async_trait]
impl Lifecycle for Places {
    async fn connected(&self, connection: &Arc<Connection>) {
        let hub = self.0.lock().clone().expect("it is there before anybody comes");
        hub.bind(connection, "given").expect("there is room");
        assert!(hub.unbind(connection, "lobby"));
    }
}

#[tokio::test]
async fn program_changes_channels_from_within_a_hook() {
    let places = Places::default();
    let hub = Hub::start(Config::default(), Hooks::default().lifecycle(places.clone())).expect("it is valid");
    *places.0.lock() = Some(hub.clone());
    let mut alice = Client::connect_with(&hub, Admission::user("alice").bound_to("lobby"), 4_096).await;
    alice.settle().await;
    assert_eq!((hub.members("given"), hub.members("lobby")), (1, 0));
    // The hook keeps the hub, which would keep itself.
    places.0.lock().take();
}

#[tokio::test]
async fn what_the_program_changes_is_told_with_its_cause() {
    let (lifecycle, mut heard) = Heard::new();
    let hub = Hub::start(Config::default(), Hooks::default().lifecycle(lifecycle)).expect("it is valid");
    let mut alice = user(&hub, "alice").await;
    let connection = connection_of(&hub, "alice");
    assert_eq!(heard.recv().await.as_deref(), Some("alice connected"));
    hub.bind(&connection, "news").expect("there is room");
    assert_eq!(heard.recv().await.as_deref(), Some("alice bound news (Server)"));
    alice.send(&Message::new(Opcode::UNBIND, "news", "")).await;
    assert_eq!(heard.recv().await.as_deref(), Some("alice unbound news (Client)"));
    alice.send(&Message::new(Opcode::BIND, "news", "")).await;
    assert_eq!(heard.recv().await.as_deref(), Some("alice bound news (Client)"));
    assert!(hub.unbind(&connection, "news"));
    assert_eq!(heard.recv().await.as_deref(), Some("alice unbound news (Server)"));
    // This runs on one thread, so the task of the connection tells nothing before the next wait.
    for channel in ["a", "b", "c"] {
        hub.bind(&connection, channel).expect("there is room");
    }
    assert!(hub.unbind(&connection, "b"));
    hub.disconnect(connection.id(), Disconnect::Kicked);
    for expected in ["alice bound a (Server)", "alice bound c (Server)"] {
        assert_eq!(heard.recv().await.as_deref(), Some(expected), "in their order, but what was taken back");
    }
    let mut ends = [heard.recv().await, heard.recv().await].map(Option::unwrap);
    ends.sort_unstable();
    assert_eq!(ends, ["alice unbound a (End)", "alice unbound c (End)"]);
    assert_eq!(heard.recv().await.as_deref(), Some("alice disconnected 4004 a c"));
    drop(alice);
}
