//! The faults of the original that this hub stands in for, each with the test that would find it
//! here.
//!
//! What has no test elsewhere is tested in this file.

use std::fs;
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::{Config, Dedup, Hooks, Hub, Sender, StandardDedup};
use tokio::runtime::Handle;
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::support::{Client, TcpClient, serve};

/// Each fault by its number, what it broke, and the test that would find it.
const FAULTS: [(&str, &str, &str); 16] = [
    ("C1", "nothing is forwarded", "what_a_client_writes_reaches_the_members_of_a_sister_as_it_was"),
    ("C2", "there is no limit of sisters", "a_node_keeps_to_its_sisters_and_finds_another_when_one_dies"),
    ("C3", "streams are not delivered", "streams_reach_fast_and_slow_readers_byte_for_byte"),
    ("C4", "cut messages are filled with zeros", "connection_lost_inside_a_message_delivers_nothing"),
    ("C5", "a second bind doubles messages", "bind_is_idempotent_and_one_unbind_ends_it"),
    ("C6", "all may write to the nameless channel", "nobody_writes_to_the_nameless_channel_without_a_bind"),
    ("C7", "no hub without an auth hook", "a_hub_without_an_auth_hook_lets_clients_bind_and_write"),
    ("C8", "each connection leaves a task", "a_connection_is_one_task_and_leaves_none_behind"),
    ("C9", "clients may clean up and query", "opcodes_of_servers_are_refused_from_clients"),
    ("C10", "one slow client stalls all", "slow_reader_is_ended_and_delays_nobody"),
    ("C11", "the sweep races with what comes", "one_of_several_who_add_a_uuid_during_sweeps_is_the_first"),
    ("C12", "a hook cannot end a connection", "program_can_end_a_connection_behind_its_last_word"),
    ("C13", "guessed uuids suppress others", "repeated_uuid_of_a_sender_is_dropped_and_of_another_is_not"),
    ("C14", "empty channels are kept", "channel_without_members_is_forgotten"),
    ("C15", "a second server panics", "two_servers_in_one_process_serve_two_hubs"),
    ("C16", "a header makes a sister", "who_does_not_prove_to_be_a_sister_is_none"),
];

/// A time that only a hang reaches.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn each_fault_has_its_test() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite");
    let paths = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).filter(|path| path.is_file());
    let sources: Vec<String> = paths.map(|path| fs::read_to_string(path).unwrap()).collect();
    for (number, broken, test) in FAULTS {
        let definition = format!("fn {test}(");
        assert!(sources.iter().any(|source| source.contains(&definition)), "{number}: {broken}: {test}");
    }
}

/// C6: there, every connection began with one empty name, as if it were bound to that channel.
#[tokio::test]
async fn nobody_writes_to_the_nameless_channel_without_a_bind() {
    let hub = Hub::start(Config::default(), Hooks::default()).unwrap();
    let mut bob = Client::bound(&hub, "").await;
    let mut alice = Client::connect(&hub).await;
    alice.write("", "not bound").await;
    alice.settle().await;
    bob.settle().await;
    alice.send(&Message::new(Opcode::BIND, "", "")).await;
    let sent = alice.write("", "bound").await;
    assert_eq!(bob.next().await, sent);
}

/// C7: there, a connection failed behind its upgrade, when it was asked whether it is a sister.
#[tokio::test]
async fn a_hub_without_an_auth_hook_lets_clients_bind_and_write() {
    let (_hub, address) = serve(Config::default(), Hooks::default()).await;
    let mut alice = TcpClient::connect(&format!("ws://{address}/")).await;
    let mut bob = TcpClient::connect(&format!("ws://{address}/")).await;
    for client in [&mut alice, &mut bob] {
        client.send(&Message::new(Opcode::BIND, "hello", "")).await;
        client.settle().await;
    }
    alice.send(&Message::new(Opcode::WRITE, "hello", "hi")).await;
    bob.hears("hello", "hi").await;
}

#[tokio::test]
async fn a_connection_is_one_task_and_leaves_none_behind() {
    const CLIENTS: usize = 50;
    let (hub, address) = serve(Config::default(), Hooks::default()).await;
    let before = Handle::current().metrics().num_alive_tasks();
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = TcpClient::connect(&format!("ws://{address}/")).await;
        client.settle().await;
        clients.push(client);
    }
    // Those that upgraded the connections end by themselves.
    tasks_are(before + CLIENTS).await;
    drop(clients);
    tasks_are(before).await;
    assert_eq!(hub.stats().connections, 0);
}

/// Waits until so many tasks run in this runtime, which no event tells.
async fn tasks_are(count: usize) {
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let waiting = async {
        while tasks() != count {
            yield_now().await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{} tasks run, not {count}", tasks()));
}

#[test]
fn one_of_several_who_add_a_uuid_during_sweeps_is_the_first() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 500;
    // A part of a sender's own, in 64 KiB, takes 56 uuids; then the older half is swept away. In a
    // round come 41, so there is a sweep in most of them, and no second one.
    const OWN: usize = 10;
    let dedup = StandardDedup::new(&Config::default().dedup_bytes_max(64 * 1024)).unwrap();
    let alice = Sender::User("alice");
    let (news, owns, begin) = (AtomicUsize::new(0), AtomicUsize::new(0), Barrier::new(THREADS));
    let add = |uuid: String, count: &AtomicUsize| {
        count.fetch_add(usize::from(dedup.add(&alice, &uuid)), Ordering::Relaxed);
    };
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (news, owns, begin, add) = (&news, &owns, &begin, &add);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    begin.wait();
                    for own in 0..OWN {
                        if own == OWN / 2 {
                            add(format!("of all in round {round}"), news);
                        }
                        add(format!("{own} of {thread} in round {round}"), owns);
                    }
                }
            });
        }
    });
    assert_eq!(news.into_inner(), ROUNDS, "in each round one was the first");
    assert_eq!(owns.into_inner(), ROUNDS * THREADS * OWN, "nobody else has these");
    assert!(dedup.is_duplicate(&alice, &format!("of all in round {}", ROUNDS - 1)), "the last one is known");
    assert!(!dedup.is_duplicate(&alice, "of all in round 0"), "the first ones were swept away");
}
