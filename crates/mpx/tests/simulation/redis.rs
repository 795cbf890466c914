//! A Redis of which only Pub/Sub is there, with connections that are slow, torn, or silent.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

/// What happens to it is decided elsewhere.
#[derive(Clone)]
pub(crate) struct Redis {
    state: Arc<Mutex<State>>,
    tasks: TaskTracker,
}

struct State {
    random: fastrand::Rng,
    connections: Vec<Arc<Connection>>,
    /// How often was published on each channel.
    published: BTreeMap<String, u64>,
    refuses_connections: bool,
    /// The user may not have it.
    forbidden: Option<String>,
}

#[derive(Default)]
struct Connection {
    state: Mutex<ConnectionState>,
    changed: Notify,
}

#[derive(Default)]
struct ConnectionState {
    /// Kinds are the first letter of the command: `S` and `P`.
    names: BTreeSet<(u8, String)>,
    out: Vec<u8>,
    killed: bool,
    frozen: bool,
}

impl Redis {
    pub(crate) fn new(seed: u64, forbidden: Option<String>) -> Self {
        let state = State {
            random: fastrand::Rng::with_seed(seed),
            connections: Vec::new(),
            published: BTreeMap::new(),
            refuses_connections: false,
            forbidden,
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
        let random = state.random.fork();
        drop(state);
        self.tasks.spawn(self.clone().serve(connection, server, random));
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

    /// Publishes the number of what was published there before.
    pub(crate) fn publish(&self, channel: &str) {
        let mut state = self.state.lock();
        let published = state.published.entry(channel.to_owned()).or_default();
        let payload = published.to_string();
        *published += 1;
        for connection in &state.connections {
            let mut it = connection.state.lock();
            let names = it.names.clone();
            for (kind, name) in &names {
                match kind {
                    b'S' if name == channel => list(&mut it.out, &["message", channel, &payload]),
                    b'P' if fits(name, channel) => list(&mut it.out, &["pmessage", name, channel, &payload]),
                    _ => {}
                }
            }
            connection.changed.notify_one();
        }
    }

    /// How often was published on a channel.
    pub(crate) fn published(&self, channel: &str) -> u64 {
        self.state.lock().published.get(channel).copied().unwrap_or(0)
    }

    /// What is subscribed to on the connections that are not frozen.
    pub(crate) fn names(&self) -> Vec<BTreeSet<(u8, String)>> {
        let state = self.state.lock();
        let alive = state.connections.iter().map(|it| it.state.lock()).filter(|it| !it.frozen);
        alive.map(|it| it.names.clone()).collect()
    }

    async fn serve(self, connection: Arc<Connection>, stream: DuplexStream, mut random: fastrand::Rng) {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut read = Vec::new();
        loop {
            let (is_frozen, out) = {
                let it = connection.state.lock();
                if it.killed {
                    return;
                }
                (it.frozen, it.out[..random.usize(1..300).min(it.out.len())].to_vec())
            };
            tokio::select! {
                biased;
                () = connection.changed.notified() => {}
                result = writer.write(&out), if !is_frozen && !out.is_empty() => {
                    let Ok(count) = result else { break };
                    connection.state.lock().out.drain(..count);
                }
                result = reader.read_buf(&mut read), if !is_frozen => {
                    if result.unwrap_or(0) == 0 {
                        break;
                    }
                    self.answer(&connection, &mut read);
                }
                // It hears nothing, not even that the other end has gone, until it is killed.
                () = std::future::pending(), if is_frozen => {}
            }
        }
        self.state.lock().connections.retain(|other| !Arc::ptr_eq(other, &connection));
    }

    fn answer(&self, connection: &Connection, read: &mut Vec<u8>) {
        let forbidden = self.state.lock().forbidden.clone();
        while let Some((words, length)) = command(read) {
            read.drain(..length);
            let mut it = connection.state.lock();
            let (verb, names) = words.split_first().unwrap();
            let kind = if verb.starts_with('P') { b'P' } else { b'S' };
            if verb == "PING" {
                it.out.extend_from_slice(b"+PONG\r\n");
            } else if verb.contains("UNSUBSCRIBE") {
                for name in names {
                    it.names.remove(&(kind, name.clone()));
                    confirm(&mut it, verb, name);
                }
            } else if names.iter().any(|name| Some(name) == forbidden.as_ref()) {
                it.out.extend_from_slice(b"-NOPERM no\r\n");
            } else {
                for name in names {
                    it.names.insert((kind, name.clone()));
                    confirm(&mut it, verb, name);
                }
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

/// Reads a command, if it is whole, and says how long it is.
fn command(bytes: &[u8]) -> Option<(Vec<String>, usize)> {
    let mut at = 0;
    let mut line = |bytes: &[u8]| {
        let end = at + memchr::memchr(b'\n', &bytes[at..])?;
        let text = String::from_utf8(bytes[at + 1..end - 1].to_vec()).unwrap();
        at = end + 1;
        Some((text, at))
    };
    let count: usize = line(bytes)?.0.parse().unwrap();
    let mut words = Vec::new();
    let mut length = 0;
    for _ in 0..count {
        line(bytes)?;
        // The commands of these games have no line ends in their names.
        let start = line_start(bytes, &mut line)?;
        words.push(start.0);
        length = start.1;
    }
    Some((words, length))
}

/// Reads a line with its first letter.
fn line_start(
    bytes: &[u8],
    line: &mut impl FnMut(&[u8]) -> Option<(String, usize)>,
) -> Option<(String, usize)> {
    let (rest, end) = line(bytes)?;
    let start = end - 2 - rest.len() - 1;
    Some((format!("{}{rest}", char::from(bytes[start])), end))
}
