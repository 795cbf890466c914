//! A cluster of masters, with or without replicas.

use super::options::RedisOptions;
use super::patience::Patience;
use super::server::Redis;
use super::wire::Answer;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;

/// A Redis Cluster, gone when dropped.
///
/// Its masters come first among the nodes. They have no replicas, unless it was started [with
/// some](Self::replicated): then one takes the place of a master that does not answer for 5 s.
///
/// With a master down the others refuse its slots and, unless the options say
/// `--cluster-require-full-coverage no`, all others too, as Redis does by default.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<Redis>,
    masters: usize,
    /// What the nodes call themselves.
    ids: Vec<String>,
}

impl RedisCluster {
    /// Starts this many masters, and returns once all of them say that the cluster is well and hold
    /// an even part of its slots, in their order.
    ///
    /// # Errors
    ///
    /// As [`Redis::private`]; `Timeout` if they do not find together.
    pub async fn start(masters: usize) -> Result<Self> {
        Self::with(masters, &RedisOptions::default()).await
    }

    /// The same with options for all, which must not ask for a password or for TLS.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn with(masters: usize, options: &RedisOptions) -> Result<Self> {
        Self::of(masters, masters, options).await
    }

    /// Starts this many masters with a replica each, and returns once all of them say that the
    /// cluster is well and each replica is in sync. The replica of master `n` of `m` is node `m +
    /// n`. While one master is down the others go on with their slots.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn replicated(masters: usize) -> Result<Self> {
        let arguments = ["--repl-diskless-sync-delay", "0", "--cluster-require-full-coverage", "no"];
        // However long a replica was frozen, it may take its master's place.
        let arguments = arguments.into_iter().chain(["--cluster-replica-validity-factor", "0"]);
        let arguments = arguments.chain(["--cluster-node-timeout", FAILOVER_TIMEOUT_MS]);
        let arguments = arguments.map(str::to_owned).collect();
        let options = RedisOptions { arguments, ..RedisOptions::default() };
        let cluster = Self::of(masters, 2 * masters, &options).await?;
        // All nodes have met by now: a node can follow only one that it knows.
        let patience = Patience::for_the("replicas to be in sync");
        for (number, replica) in cluster.nodes[masters..].iter().enumerate() {
            let mut connection = replica.connect().await?;
            connection.tell(&["CLUSTER", "REPLICATE", &cluster.ids[number]]).await?;
            while connection.tell(&["INFO", "replication"]).await?.line("master_link_status") != Some("up") {
                patience.wait("a replica is not in sync").await?;
            }
        }
        // Each node has to know who would take a master's place.
        for node in &cluster.nodes {
            let mut connection = node.connect().await?;
            loop {
                let nodes = connection.tell(&["CLUSTER", "NODES"]).await?;
                let replicas = nodes.text().lines().filter(|line| line.contains("slave")).count();
                if replicas == masters {
                    break;
                }
                patience.wait(nodes.text()).await?;
            }
        }
        Ok(cluster)
    }

    async fn of(masters: usize, count: usize, options: &RedisOptions) -> Result<Self> {
        let (mut nodes, mut ids) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let node = node(options).await?;
            ids.push(node.tell(&["CLUSTER", "MYID"]).await?.text().to_owned());
            nodes.push(node);
        }
        let cluster = Self { nodes, masters, ids };
        cluster.join().await?;
        cluster.is_well().await?;
        Ok(cluster)
    }

    /// Returns the node that has taken the place of one which was frozen or killed, once all others
    /// say so.
    ///
    /// # Errors
    ///
    /// `Timeout` if none does; `Unavailable` if another node does not answer.
    pub async fn failed_over(&self, old: usize) -> Result<usize> {
        let patience = Patience::for_the("replica to take over");
        let replica = self.masters + old;
        let slot = u16::try_from(SLOTS * old / self.masters).unwrap_or_default();
        for (number, node) in self.nodes.iter().enumerate().filter(|(number, _)| *number != old) {
            let mut connection = node.connect().await?;
            while !holds(&connection.tell(&["CLUSTER", "SLOTS"]).await?, slot, &self.ids[replica]) {
                patience.wait(&format!("node {number} does not know of it")).await?;
            }
        }
        Ok(replica)
    }

    /// Returns the address of the cluster with all nodes in it,
    /// `redis-cluster://host:port,host:port,…`.
    pub fn url(&self) -> String {
        let hosts: Vec<_> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
        format!("redis-cluster://{}", hosts.join(","))
    }

    /// Returns the nodes, to be frozen or killed.
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// Returns a node, counted from 0.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    pub fn node(&self, number: usize) -> &Redis {
        &self.nodes[number]
    }

    /// Returns once all nodes say that the cluster is well, as after [`Redis::start_again`].
    ///
    /// # Errors
    ///
    /// `Timeout` if it does not become so; `Unavailable` if one does not answer.
    pub async fn is_well(&self) -> Result<()> {
        let patience = Patience::for_the("cluster to be well");
        for node in &self.nodes {
            let mut connection = node.connect().await?;
            loop {
                let info = connection.tell(&["CLUSTER", "INFO"]).await?;
                let known = info.line("cluster_known_nodes") == Some(&*self.nodes.len().to_string());
                if known && info.line("cluster_state") == Some("ok") {
                    break;
                }
                patience.wait(info.text()).await?;
            }
        }
        Ok(())
    }

    /// Returns which node holds a slot, by its own account.
    ///
    /// # Errors
    ///
    /// `Protocol` if none does; `Unavailable` if one does not answer.
    pub async fn holder(&self, slot: u16) -> Result<usize> {
        for (number, node) in self.nodes.iter().enumerate() {
            if holds(&node.tell(&["CLUSTER", "SLOTS"]).await?, slot, &self.ids[number]) {
                return Ok(number);
            }
        }
        Err(Error::new(ErrorKind::Protocol, format!("nobody holds slot {slot}")))
    }

    /// Moves a slot with its keys from one node to another, under load or not, and returns once all
    /// nodes know.
    ///
    /// Meanwhile Redis answers `ASK` for keys that have moved, and `TRYAGAIN` where only some of a
    /// command's have.
    ///
    /// # Errors
    ///
    /// `Protocol` if the slot is not where it should be; `Unavailable` or `Timeout` if a node does
    /// not answer.
    pub async fn move_slot(&self, slot: u16, from: usize, to: usize) -> Result<()> {
        let slot = slot.to_string();
        let (source, target) = (&self.nodes[from], &self.nodes[to]);
        let (source_id, target_id) = (&*self.ids[from], &*self.ids[to]);
        // The order matters: the target has to take keys of the slot before the source sends
        // clients on to it.
        target.tell(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", source_id]).await?;
        source.tell(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", target_id]).await?;
        let (mut connection, port) = (source.connect().await?, target.port().to_string());
        loop {
            let keys = connection.tell(&["CLUSTER", "GETKEYSINSLOT", &slot, "100"]).await?;
            let keys = keys.texts();
            if keys.is_empty() {
                break;
            }
            let mut migrate = vec!["MIGRATE", "127.0.0.1", &port, "", "0", MIGRATION_LIMIT_MS, "KEYS"];
            migrate.extend(keys);
            connection.tell(&migrate).await?;
        }
        // The new holder first: in the other order nobody would hold the slot for a moment.
        let others = self.nodes.iter().enumerate().filter(|(number, _)| *number != to);
        for (_, node) in [(to, target)].into_iter().chain(others) {
            node.tell(&["CLUSTER", "SETSLOT", &slot, "NODE", target_id]).await?;
        }
        self.agree(&slot, to).await
    }

    /// Waits until all nodes know who holds a slot, and at which epoch.
    ///
    /// Who moves it on earlier gets nodes that point at each other for good: what is under way
    /// between them claims the slot for former holders, whose epochs the others take for newer.
    async fn agree(&self, slot: &str, holder: usize) -> Result<()> {
        let patience = Patience::for_the("cluster to agree about a slot");
        let (id, number) = (&*self.ids[holder], slot.parse().unwrap_or_default());
        for node in &self.nodes {
            let mut connection = node.connect().await?;
            loop {
                let own = self.nodes[holder].tell(&["CLUSTER", "NODES"]).await?;
                let known = connection.tell(&["CLUSTER", "NODES"]).await?;
                let same = epoch(own.text(), id) == epoch(known.text(), id);
                let held = holds(&connection.tell(&["CLUSTER", "SLOTS"]).await?, number, id);
                if same && held {
                    break;
                }
                if !held {
                    connection.tell(&["CLUSTER", "SETSLOT", slot, "NODE", id]).await?;
                }
                patience.wait(known.text()).await?;
            }
        }
        Ok(())
    }

    /// Hands out the slots and makes the nodes known to the first one, which tells the others.
    async fn join(&self) -> Result<()> {
        for (number, node) in self.nodes.iter().enumerate() {
            let mut connection = node.connect().await?;
            // Different from the start, or the nodes would have to settle that first.
            connection.tell(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]).await?;
            if number >= self.masters {
                continue;
            }
            let end = SLOTS * (number + 1) / self.masters - 1;
            let start = SLOTS * number / self.masters;
            connection.tell(&["CLUSTER", "ADDSLOTSRANGE", &start.to_string(), &end.to_string()]).await?;
        }
        let Some((first, others)) = self.nodes.split_first() else {
            return Err(Error::new(ErrorKind::Protocol, "a cluster needs a node"));
        };
        let mut connection = first.connect().await?;
        for node in others {
            let ports = [node.port().to_string(), bus_port(node).await?];
            connection.tell(&["CLUSTER", "MEET", "127.0.0.1", &ports[0], &ports[1]]).await?;
        }
        Ok(())
    }
}

/// Starts one node, which knows nobody.
async fn node(options: &RedisOptions) -> Result<Redis> {
    let mut options = RedisOptions { cluster_node: true, ..options.clone() };
    // Before the caller's own, which override it.
    options.arguments.splice(0..0, ["--cluster-node-timeout", NODE_TIMEOUT_MS].map(str::to_owned));
    Redis::with(&options).await
}

async fn bus_port(node: &Redis) -> Result<String> {
    let answer = node.tell(&["CONFIG", "GET", "cluster-port"]).await?;
    Ok(answer.texts().get(1).copied().unwrap_or_default().to_owned())
}

/// Says whether an answer of `CLUSTER SLOTS`, ranges with their nodes, gives the slot to the node
/// `id`.
fn holds(slots: &Answer, slot: u16, id: &str) -> bool {
    let Answer::List(ranges) = slots else { return false };
    ranges.iter().any(|range| {
        let Answer::List(parts) = range else { return false };
        let [Answer::Number(first), Answer::Number(last), master, ..] = &parts[..] else { return false };
        (*first..=*last).contains(&i64::from(slot)) && master.texts().contains(&id)
    })
}

/// Returns the epoch of a node according to an answer of `CLUSTER NODES`.
fn epoch<'a>(nodes: &'a str, id: &str) -> Option<&'a str> {
    nodes.lines().find(|line| line.starts_with(id))?.split(' ').nth(6)
}

const SLOTS: usize = 16_384;

/// How long a node may be silent before others say that it failed: short, as nodes tell each other
/// news within half of it.
const NODE_TIMEOUT_MS: &str = "2000";
/// The same where a replica takes over: longer than a node of a busy machine is silent.
const FAILOVER_TIMEOUT_MS: &str = "5000";
const MIGRATION_LIMIT_MS: &str = "30000";
