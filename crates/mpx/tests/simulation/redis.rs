//! A Redis of which only Pub/Sub is there, with connections that are slow, torn, or silent; alone,
//! or a node of a cluster.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

use crate::cluster::View;
use crate::command::command;

/// What happens to it is decided elsewhere.
#[derive(Clone)]
pub(crate) struct Redis {
    state: Arc<Mutex<State>>,
    tasks: TaskTracker,
}

struct State {
    random: fastrand::Rng,
    /// How many milliseconds it may take to hear something, and to say something.
    slowness: u64,
    connections: Vec<Arc<Connection>>,
    refuses_connections: bool,
    /// The user may not have it.
    forbidden: Option<String>,
    /// What it knows of its cluster, if it is in one.
    view: Option<View>,
}

/// What a name is the name of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum NameKind {
    Channel,
    Pattern,
    Shard,
}

#[derive(Default)]
struct Connection {
    state: Mutex<ConnectionState>,
    changed: Notify,
}

#[derive(Default)]
struct ConnectionState {
    names: BTreeSet<(NameKind, String)>,
    out: Vec<u8>,
    killed: bool,
    /// For good.
    frozen: bool,
    /// For a while.
    stalled: bool,
}

impl Redis {
    pub(crate) fn new(seed: u64, forbidden: Option<String>) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let state = State {
            slowness: *random.choice(&[0, 3, 200]).unwrap(),
            random,
            connections: Vec::new(),
            refuses_connections: false,
            forbidden,
            view: None,
        };
        Self { state: Arc::new(Mutex::new(state)), tasks: TaskTracker::new() }
    }

    pub(crate) fn connect(&self) -> io::Result<DuplexStream> {
        let mut state = self.state.lock();
        if state.refuses_connections {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (client, server) = duplex(state.random.usize(16..4_096));
        let connection = Arc::new(Connection::default());
        state.connections.push(Arc::clone(&connection));
        let (random, slowness) = (state.random.fork(), state.slowness);
        drop(state);
        self.tasks.spawn(self.clone().serve(connection, server, random, slowness));
        Ok(client)
    }

    pub(crate) fn refuse_connections(&self, refuses: bool) {
        self.state.lock().refuses_connections = refuses;
    }

    /// Ends all connections, with what is on its way.
    pub(crate) fn kill(&self) {
        for connection in self.state.lock().connections.drain(..) {
            connection.state.lock().killed = true;
            connection.changed.notify_one();
        }
    }

    /// Says and hears nothing on any connection that there is.
    pub(crate) fn freeze(&self) {
        for connection in &self.state.lock().connections {
            connection.state.lock().frozen = true;
        }
    }

    /// Says and hears nothing on any connection that there is, until it does again.
    pub(crate) fn stall(&self, stalls: bool) {
        for connection in &self.state.lock().connections {
            connection.state.lock().stalled = stalls;
            connection.changed.notify_one();
        }
    }

    /// Publishes a number on a channel, or on a sharded one.
    pub(crate) fn publish(&self, channel: &str, number: u64, is_sharded: bool) {
        let payload = number.to_string();
        for connection in &self.state.lock().connections {
            let mut it = connection.state.lock();
            let names = it.names.clone();
            for (kind, name) in &names {
                match kind {
                    NameKind::Channel if !is_sharded && name == channel => {
                        list(&mut it.out, &["message", channel, &payload]);
                    }
                    NameKind::Pattern if !is_sharded && fits(name, channel) => {
                        list(&mut it.out, &["pmessage", name, channel, &payload]);
                    }
                    NameKind::Shard if is_sharded && name == channel => {
                        list(&mut it.out, &["smessage", channel, &payload]);
                    }
                    _ => {}
                }
            }
            connection.changed.notify_one();
        }
    }

    /// Knows this of its cluster from now on. Names whose slots it has lost are taken from all
    /// connections, which are told so.
    pub(crate) fn learn(&self, view: View) {
        let mut state = self.state.lock();
        for connection in &state.connections {
            let mut it = connection.state.lock();
            let names = it.names.clone();
            for (kind, name) in names.iter().filter(|(_, name)| !view.is_mine(name)) {
                it.names.remove(&(*kind, name.clone()));
                confirm(&mut it, "SUNSUBSCRIBE", name);
            }
            connection.changed.notify_one();
        }
        state.view = Some(view);
    }

    /// What it knows of its cluster.
    pub(crate) fn view(&self) -> View {
        self.state.lock().view.clone().unwrap()
    }

    /// What is subscribed to on the connections that are not frozen.
    pub(crate) fn names(&self) -> Vec<BTreeSet<(NameKind, String)>> {
        let state = self.state.lock();
        let alive = state.connections.iter().map(|it| it.state.lock()).filter(|it| !it.frozen);
        alive.map(|it| it.names.clone()).collect()
    }

    async fn serve(
        self,
        connection: Arc<Connection>,
        stream: DuplexStream,
        mut random: fastrand::Rng,
        slowness: u64,
    ) {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut read = Vec::new();
        loop {
            let (is_silent, out) = {
                let it = connection.state.lock();
                if it.killed {
                    return;
                }
                (it.frozen || it.stalled, it.out[..random.usize(1..300).min(it.out.len())].to_vec())
            };
            let on_its_way = Duration::from_millis(random.u64(..=slowness));
            let write = async {
                if slowness > 0 {
                    sleep(on_its_way).await;
                }
                writer.write(&out).await
            };
            tokio::select! {
                biased;
                () = connection.changed.notified() => {}
                result = write, if !is_silent && !out.is_empty() => {
                    let Ok(count) = result else { break };
                    connection.state.lock().out.drain(..count);
                }
                result = reader.read_buf(&mut read), if !is_silent => {
                    if result.unwrap_or(0) == 0 {
                        break;
                    }
                    if slowness > 0 {
                        sleep(Duration::from_millis(random.u64(..=slowness))).await;
                    }
                    self.answer(&connection, &mut read);
                }
                // It hears nothing, not even that the other end has gone, until it is killed.
                () = std::future::pending(), if is_silent => {}
            }
        }
        self.state.lock().connections.retain(|other| !Arc::ptr_eq(other, &connection));
    }

    fn answer(&self, connection: &Connection, read: &mut Vec<u8>) {
        while let Some((words, length)) = command(read) {
            read.drain(..length);
            let state = self.state.lock();
            let mut it = connection.state.lock();
            let (verb, names) = words.split_first().unwrap();
            let (kind, is_unsubscribe) = match verb.as_str() {
                "PING" => {
                    it.out.extend_from_slice(b"+PONG\r\n");
                    continue;
                }
                "CLUSTER" => {
                    let answer = state.view.as_ref().unwrap().answer(&names[0]);
                    it.out.extend_from_slice(answer.as_bytes());
                    continue;
                }
                "SUBSCRIBE" => (NameKind::Channel, false),
                "UNSUBSCRIBE" => (NameKind::Channel, true),
                "PSUBSCRIBE" => (NameKind::Pattern, false),
                "PUNSUBSCRIBE" => (NameKind::Pattern, true),
                "SSUBSCRIBE" => (NameKind::Shard, false),
                "SUNSUBSCRIBE" => (NameKind::Shard, true),
                other => panic!("{other} is no command of these games"),
            };
            let refusal = state.view.as_ref().and_then(|view| view.refusal(names));
            if let Some(refusal) = refusal {
                it.out.extend_from_slice(refusal.as_bytes());
                continue;
            }
            if !is_unsubscribe && names.iter().any(|name| Some(name) == state.forbidden.as_ref()) {
                it.out.extend_from_slice(b"-NOPERM no\r\n");
                continue;
            }
            for name in names {
                let name_of_kind = (kind, name.clone());
                if is_unsubscribe {
                    it.names.remove(&name_of_kind);
                } else {
                    it.names.insert(name_of_kind);
                }
                confirm(&mut it, verb, name);
            }
        }
    }
}

fn confirm(it: &mut ConnectionState, verb: &str, name: &str) {
    let count = it.names.len();
    let word = verb.to_lowercase();
    let text = format!("*3\r\n${}\r\n{word}\r\n${}\r\n{name}\r\n:{count}\r\n", word.len(), name.len());
    it.out.extend_from_slice(text.as_bytes());
}

fn list(out: &mut Vec<u8>, words: &[&str]) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        out.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
}

/// Patterns here are a prefix and a star.
pub(crate) fn fits(pattern: &str, channel: &str) -> bool {
    channel.starts_with(pattern.trim_end_matches('*'))
}
