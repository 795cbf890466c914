//! The task that knows which nodes there are.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::api::{DELETED, KeyValue, RangeRequest, WatchCreate, WatchResponse};
use super::backoff::Backoff;
use super::client::{Client, Failure};
use super::node::{self, Node};
use crate::{Error, ErrorKind, Result};

/// A watch that went on for so long was a success, whatever ended it.
const LASTED: Duration = Duration::from_secs(5);

/// Whether the nodes of a [`Resolver`](super::Resolver) are those of this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResolverState {
    /// Nodes that come and go are seen.
    Following,
    /// No etcd answers; the nodes are those that were known last.
    #[non_exhaustive]
    Away {
        /// Why, for people.
        reason: Arc<str>,
    },
}

impl fmt::Display for ResolverState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Following => f.write_str("the nodes in etcd are followed"),
            Self::Away { reason } => write!(f, "the nodes in etcd are not followed: {reason}"),
        }
    }
}

/// The fields of the task.
#[derive(Debug)]
pub(super) struct NodeFollower {
    client: Client,
    table: NodeTable,
    /// Since when the nodes are followed, if they are.
    followed_since: Option<Instant>,
    /// Whether the log has that nobody answers.
    is_told: bool,
    state: watch::Sender<ResolverState>,
    nodes: watch::Sender<Arc<[Node]>>,
}

impl NodeFollower {
    pub(super) fn new(client: Client, name: String) -> Self {
        let reason = "etcd has not answered yet".into();
        Self {
            client,
            table: NodeTable { name, nodes: BTreeMap::new() },
            followed_since: None,
            is_told: false,
            state: watch::Sender::new(ResolverState::Away { reason }),
            nodes: watch::Sender::new(Arc::from([])),
        }
    }

    pub(super) fn state(&self) -> watch::Receiver<ResolverState> {
        self.state.subscribe()
    }

    pub(super) fn nodes(&self) -> watch::Receiver<Arc<[Node]>> {
        self.nodes.subscribe()
    }

    /// Follows the nodes until `stop`.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut backoff = Backoff::default();
        loop {
            let Some(error) = stop.run_until_cancelled(self.follow()).await else { return };
            // Members that hang take as long, and were no success.
            if self.followed_since.take().is_some_and(|since| since.elapsed() >= LASTED) {
                backoff.reset();
            }
            self.lost(&error);
            if stop.run_until_cancelled(sleep(backoff.failed())).await.is_none() {
                return;
            }
        }
    }

    /// Reads the nodes and watches them, and returns why that ended.
    async fn follow(&mut self) -> Error {
        match self.read_and_watch().await {
            Ok(ended) => ended,
            Err(failure) => failure.into_error(),
        }
    }

    async fn read_and_watch(&mut self) -> Result<Error, Failure> {
        let (key, range_end) = self.table.range();
        let range = RangeRequest { key: key.clone(), range_end: range_end.clone() };
        let found = self.client.range(range).await?;
        let revision = found.header.map(|header| header.revision).unwrap_or_default();
        self.table.replace(found.kvs);
        self.publish();
        let create = WatchCreate { key, range_end, start_revision: revision + 1 };
        let mut watch = self.client.watch(create).await?;
        self.well();
        loop {
            match watch.message().await {
                Ok(Some(response)) => {
                    if let Some(end) = end_of(&response) {
                        return Ok(end);
                    }
                    self.table.apply(response);
                    self.publish();
                }
                Ok(None) => {
                    self.client.leave();
                    return Ok(Error::new(ErrorKind::Unavailable, "etcd has ended the watch"));
                }
                Err(status) => return Ok(self.client.broken(&status)),
            }
        }
    }

    fn publish(&self) {
        let nodes: Arc<[Node]> = self.table.nodes.values().cloned().collect();
        gauge!("timeline_etcd_nodes").set(f64::from(u32::try_from(nodes.len()).unwrap_or(u32::MAX)));
        self.nodes.send_if_modified(|known| {
            let changed = *known != nodes;
            *known = nodes;
            changed
        });
    }

    fn well(&mut self) {
        self.followed_since = Some(Instant::now());
        if std::mem::take(&mut self.is_told) {
            tracing::info!(name = self.table.name, "the nodes in etcd are followed again");
        }
        self.say(ResolverState::Following);
    }

    fn lost(&mut self, error: &Error) {
        counter!("timeline_etcd_failures_total", "task" => "resolver").increment(1);
        let state = ResolverState::Away { reason: format!("{error:#}").into() };
        if self.is_told {
            tracing::debug!("{state}");
        } else {
            self.is_told = true;
            tracing::warn!(
                name = self.table.name,
                "{state}; the last known nodes stay, and it is tried again"
            );
        }
        self.say(state);
    }

    fn say(&self, state: ResolverState) {
        self.state.send_if_modified(|said| {
            let changed = *said != state;
            *said = state;
            changed
        });
    }
}

/// Says why a watch goes on no further, if this is its last word.
fn end_of(response: &WatchResponse) -> Option<Error> {
    let text = if response.compact_revision > 0 {
        "etcd has compacted what came since the nodes were read".to_owned()
    } else if response.canceled {
        format!("etcd has ended the watch: {}", response.cancel_reason)
    } else {
        return None;
    };
    Some(Error::new(ErrorKind::Unavailable, text))
}

/// The nodes of one name by their keys.
#[derive(Debug)]
struct NodeTable {
    name: String,
    nodes: BTreeMap<Vec<u8>, Node>,
}

impl NodeTable {
    /// Returns the first key of the name, and the first behind its last.
    fn range(&self) -> (Vec<u8>, Vec<u8>) {
        (node::prefix(&self.name).into_bytes(), node::prefix_end(&self.name).into_bytes())
    }

    fn replace(&mut self, kvs: Vec<KeyValue>) {
        self.nodes.clear();
        kvs.into_iter().for_each(|kv| self.put(kv));
    }

    fn apply(&mut self, response: WatchResponse) {
        for event in response.events {
            match event.kv {
                Some(kv) if event.kind == DELETED => drop(self.nodes.remove(&kv.key)),
                Some(kv) => self.put(kv),
                None => {}
            }
        }
    }

    fn put(&mut self, kv: KeyValue) {
        if let Some(node) = Node::read(&kv.value, &self.name) {
            self.nodes.insert(kv.key, node);
        } else {
            let key = String::from_utf8_lossy(&kv.key);
            tracing::debug!(%key, "a key in etcd is not of a node of {}, and is left out", self.name);
            self.nodes.remove(&kv.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::super::api::WatchEvent;
    use super::super::servers::Servers;
    use super::*;

    fn kv(id: &str, value: &str) -> KeyValue {
        KeyValue { key: id.into(), value: value.into(), lease: 0 }
    }

    fn ids(table: &NodeTable) -> Vec<&str> {
        table.nodes.values().map(|node| &*node.id).collect()
    }

    #[test]
    fn nodes_come_and_go_and_others_are_left_out() {
        let mut table = NodeTable { name: "t".to_owned(), nodes: BTreeMap::new() };
        let (a, b) = (r#"{"id":"a","name":"t"}"#, r#"{"id":"b","name":"t"}"#);
        table.replace(vec![kv("a", a), kv("x", r#"{"id":"x","name":"other"}"#), kv("y", "no JSON")]);
        assert_eq!(ids(&table), ["a"]);
        let put = WatchEvent { kind: 0, kv: Some(kv("b", b)) };
        let gone = WatchEvent { kind: DELETED, kv: Some(kv("a", "")) };
        table.apply(WatchResponse { events: vec![put, gone], ..WatchResponse::default() });
        assert_eq!(ids(&table), ["b"]);
        table.replace(Vec::new());
        assert!(ids(&table).is_empty());
    }

    #[test]
    fn a_compacted_watch_is_over() {
        assert!(end_of(&WatchResponse { compact_revision: 4, ..WatchResponse::default() }).is_some());
        assert!(end_of(&WatchResponse { canceled: true, ..WatchResponse::default() }).is_some());
        assert!(end_of(&WatchResponse::default()).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn members_that_hang_are_asked_less_and_less_often() {
        const ROUNDS: u32 = 12;
        fastrand::seed(1);
        // Connections come to them, and nobody answers.
        let members: Vec<_> = (0..3).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let urls = members.iter().map(|member| format!("http://{}", member.local_addr().unwrap()));
        let follower = NodeFollower::new(Client::new(Servers::new(urls)).unwrap(), "t".to_owned());
        let (mut state, stop, began) = (follower.state(), CancellationToken::new(), Instant::now());
        let rounds = async {
            for _ in 0..ROUNDS {
                // Each ends with another member.
                state.changed().await.unwrap();
            }
            stop.cancel();
        };
        tokio::join!(follower.run(stop.clone()), rounds);
        // A round is 4 attempts of 1.5 s. Waits that began anew each time would be up to 0.5 s.
        let waited = began.elapsed().saturating_sub(Duration::from_secs(6) * ROUNDS);
        assert!(waited > Duration::from_millis(500) * ROUNDS, "{waited:?}");
    }
}
