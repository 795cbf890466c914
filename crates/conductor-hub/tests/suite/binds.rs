//! What the lifecycle hook is told of channels, whoever changes them and when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::{Admission, BindCause, Config, Connection, Disconnect, Hooks, Hub, Lifecycle};
use parking_lot::Mutex;
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::sync::Notify;

use crate::support::{Client, Heard};

const CHANNELS: [&str; 3] = ["a", "b", "c"];

/// What the hook is told, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Told {
    Connected,
    Bound(String, BindCause),
    Unbound(String, BindCause),
    Disconnected(BTreeSet<String>),
}

/// Writes down what it is told.
#[derive(Default)]
struct Recorder {
    told: Mutex<Vec<Told>>,
    ended: Notify,
}

#[async_trait]
impl Lifecycle for Recorder {
    async fn connected(&self, _: &Arc<Connection>) {
        self.told.lock().push(Told::Connected);
    }

    async fn disconnected(&self, _: &Arc<Connection>, _: Disconnect, channels: &[Arc<str>]) {
        let channels = channels.iter().map(|channel| String::from(&**channel)).collect();
        self.told.lock().push(Told::Disconnected(channels));
        self.ended.notify_one();
    }

    fn bound(&self, _: &Arc<Connection>, channel: &str, cause: BindCause) {
        self.told.lock().push(Told::Bound(channel.to_owned(), cause));
    }

    fn unbound(&self, _: &Arc<Connection>, channel: &str, cause: BindCause) {
        self.told.lock().push(Told::Unbound(channel.to_owned(), cause));
    }
}

/// Checks what was told of one connection against the promises of [`Lifecycle`].
fn check(told: &[Told]) -> Result<(), TestCaseError> {
    let mut bound: BTreeMap<&str, bool> = BTreeMap::new();
    let mut ended = BTreeSet::new();
    prop_assert_eq!(told.first(), Some(&Told::Connected));
    for (number, each) in told.iter().enumerate().skip(1) {
        let is_last = number + 1 == told.len();
        prop_assert_eq!(is_last, matches!(each, Told::Disconnected(_)), "{:?}", told);
        match each {
            Told::Connected => return Err(TestCaseError::fail(format!("connected twice: {told:?}"))),
            Told::Bound(channel, cause) => {
                prop_assert!(bound.insert(channel, true) != Some(true), "{channel} twice: {told:?}");
                prop_assert!(ended.is_empty() && *cause != BindCause::End, "{told:?}");
                let before = &told[number - 1];
                let is_early = matches!(before, Told::Connected | Told::Bound(_, BindCause::Admission));
                prop_assert!(*cause != BindCause::Admission || is_early, "{told:?}");
            }
            Told::Unbound(channel, cause) => {
                prop_assert_eq!(bound.insert(channel, false), Some(true), "{}: {:?}", channel, told);
                prop_assert!(*cause != BindCause::Admission, "{told:?}");
                if *cause == BindCause::End {
                    ended.insert(channel.clone());
                }
                prop_assert_eq!(*cause == BindCause::End, !ended.is_empty(), "{:?}", told);
            }
            Told::Disconnected(channels) => {
                prop_assert_eq!(channels, &ended, "{:?}", told);
                prop_assert!(bound.values().all(|bound| !bound), "{told:?}");
            }
        }
    }
    Ok(())
}

/// Binds to a channel, or unbinds.
type Change = (bool, usize);

/// How the connection ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Client,
    Server,
    Shutdown,
}

#[derive(Clone, Debug)]
struct Script {
    admission: Vec<usize>,
    client: Vec<Change>,
    server: Vec<Change>,
    end: End,
    /// Whether the end waits for the server's changes, so that the channels can be looked at.
    is_quiet: bool,
}

fn scripts() -> impl Strategy<Value = Script> {
    let changes = || vec((any::<bool>(), 0..CHANNELS.len()), 0..40);
    let end = prop_oneof![Just(End::Client), Just(End::Server), Just(End::Shutdown)];
    let parts = (vec(0..CHANNELS.len(), 0..3), changes(), changes(), end, any::<bool>());
    parts.prop_map(|(admission, client, server, end, is_quiet)| Script {
        admission,
        client,
        server,
        end,
        is_quiet,
    })
}

async fn play(script: Script) -> Result<(), TestCaseError> {
    let recorder = Arc::new(Recorder::default());
    let hooks = Hooks::default().lifecycle(Arc::clone(&recorder));
    let hub = Hub::start(Config::default(), hooks).expect("defaults are valid");
    let admission = script.admission.iter().map(|channel| CHANNELS[*channel]);
    let admission = admission.fold(Admission::user("alice"), Admission::bound_to);
    let mut alice = Client::connect_with(&hub, admission, 64 * 1024).await;
    // The changes of the server begin while the task of the connection is perhaps still saying who
    // has come.
    let connection = loop {
        match hub.connections_of("alice").pop() {
            Some(connection) => break connection,
            None => tokio::task::yield_now().await,
        }
    };
    let (serving, changed) = (hub.clone(), Arc::clone(&connection));
    let server = thread::spawn(move || {
        for (binds, channel) in script.server {
            if binds {
                // The connection may have ended by now.
                serving.bind(&changed, CHANNELS[channel]).ok();
            } else {
                serving.unbind(&changed, CHANNELS[channel]);
            }
        }
    });
    for (binds, channel) in script.client {
        let opcode = if binds { Opcode::BIND } else { Opcode::UNBIND };
        alice.send(&Message::new(opcode, CHANNELS[channel], "")).await;
    }
    let mut server = Some(server);
    if script.is_quiet {
        alice.settle().await;
        server.take().expect("it was started").join().expect("it does not panic");
        for channel in CHANNELS {
            let is_member = hub.connections_in(channel).iter().any(|member| Arc::ptr_eq(member, &connection));
            prop_assert_eq!(connection.is_bound(channel), is_member, "{}", channel);
        }
    }
    match script.end {
        End::Client => drop(alice),
        End::Server => prop_assert!(hub.disconnect(connection.id(), Disconnect::Kicked)),
        // A task that is told of it ends by itself, so it is not waited for.
        End::Shutdown => {
            hub.shutdown(Duration::ZERO).await;
        }
    }
    recorder.ended.notified().await;
    if let Some(server) = server {
        server.join().expect("it does not panic");
    }
    prop_assert_eq!((hub.stats().channels, connection.channels()), (0, Vec::new()));
    let told = recorder.told.lock();
    check(&told)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn changes_are_told_in_turns_and_before_the_end_whoever_makes_them(script in scripts()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.expect("the system has threads").block_on(play(script))?;
    }
}

#[tokio::test]
async fn connection_that_is_ended_for_room_is_told_as_bound_and_then_as_unbound() {
    let (lifecycle, mut heard) = Heard::new();
    // Room for ten channels of one member, with names of two letters.
    let config = Config::default().binds_bytes_max(4 * 1024).all_binds_bytes_max(4 * 1024);
    let hub = Hub::start(config, Hooks::default().lifecycle(lifecycle)).expect("configuration is valid");
    let names = |of: &'static str, count: usize| (0..count).map(move |number| format!("{of}{number}"));
    let admission = names("b", 5).fold(Admission::user("bob"), Admission::bound_to);
    let mut bob = Client::connect_with(&hub, admission, 4_096).await;
    bob.settle().await;
    let mut alice = Client::connect_with(&hub, Admission::user("alice"), 4_096).await;
    for name in names("a", 6) {
        alice.send(&Message::new(Opcode::BIND, name, "")).await;
    }
    assert_eq!(alice.close_code().await, Disconnect::NoRoomForChannels.code());
    let mut of_alice = Vec::new();
    while of_alice.last().is_none_or(|said: &String| !said.starts_with("alice disconnected")) {
        let said = heard.recv().await.expect("the hub has the hook");
        of_alice.extend(said.starts_with("alice").then_some(said));
    }
    let bound = names("a", 6).map(|name| format!("alice bound {name} (Client)"));
    let unbound = names("a", 6).map(|name| format!("alice unbound {name} (End)"));
    // The end has no order among the channels.
    of_alice[7..13].sort_unstable();
    let last = "alice disconnected 4101 a0 a1 a2 a3 a4 a5".to_owned();
    let expected: Vec<_> =
        ["alice connected".to_owned()].into_iter().chain(bound).chain(unbound).chain([last]).collect();
    assert_eq!(of_alice, expected);
}
