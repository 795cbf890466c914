//! A cluster of simulated nodes, which learn late what happens to the others.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use tokio::io::DuplexStream;

use crate::redis::{NameKind, Redis};

/// What a node knows of its cluster.
#[derive(Debug, Clone)]
pub(crate) struct View {
    /// The number of the node, which is its port.
    me: u16,
    epoch: u64,
    /// The node that has the slots from this one to the next.
    owners: BTreeMap<u16, u16>,
    /// It is cut off from the others, and does nothing until it hears of them.
    is_alone: bool,
}

impl View {
    fn owner(&self, slot: u16) -> u16 {
        *self.owners.range(..=slot).next_back().unwrap().1
    }

    pub(crate) fn is_mine(&self, name: &str) -> bool {
        self.owner(slot(name)) == self.me
    }

    /// Why it does not do a command about these names.
    pub(crate) fn refusal(&self, names: &[String]) -> Option<String> {
        let slot = slot(names.first()?);
        if names.iter().any(|name| self::slot(name) != slot) {
            return Some("-CROSSSLOT Keys in request don't hash to the same slot\r\n".to_owned());
        }
        if self.is_alone {
            // With `cluster-allow-pubsubshard-when-down no`. Else it would take a subscription that
            // hears nothing of its heir, which is so with Redis, and no fault of who subscribes.
            return Some("-CLUSTERDOWN The cluster is down\r\n".to_owned());
        }
        let owner = self.owner(slot);
        (owner != self.me).then(|| format!("-MOVED {slot} {HOST}:{owner}\r\n"))
    }

    /// Answers `CLUSTER`.
    pub(crate) fn answer(&self, what: &str) -> String {
        if what == "INFO" {
            let text = format!("cluster_current_epoch:{}\r\n", self.epoch);
            return format!("${}\r\n{text}\r\n", text.len());
        }
        assert_eq!(what, "SLOTS");
        let ends = self.owners.keys().skip(1).map(|first| first - 1).chain([SLOTS - 1]);
        let ranges = self.owners.iter().zip(ends).map(|((first, owner), last)| {
            format!("*3\r\n:{first}\r\n:{last}\r\n*2\r\n${}\r\n{HOST}\r\n:{owner}\r\n", HOST.len())
        });
        format!("*{}\r\n{}", self.owners.len(), ranges.collect::<String>())
    }
}

pub(crate) struct Cluster {
    nodes: Vec<Redis>,
    /// What is true.
    truth: View,
    random: fastrand::Rng,
}

impl Cluster {
    /// One of so many nodes; the slots of the channels are anywhere.
    pub(crate) fn new(seed: u64, nodes: u16, channels: &[String]) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let firsts = [0].into_iter().chain(channels.iter().map(|channel| slot(channel)));
        let owners = firsts.map(|first| (first, random.u16(..nodes))).collect();
        let truth = View { me: nodes, epoch: 1, owners, is_alone: false };
        let nodes = (0..nodes).map(|_| Redis::new(random.u64(..), None)).collect();
        let cluster = Self { nodes, truth, random };
        cluster.tell_all();
        cluster
    }

    /// What makes connections.
    pub(crate) fn connector(
        &self,
    ) -> impl Fn(String, u16) -> std::future::Ready<io::Result<DuplexStream>> + use<> {
        let nodes = self.nodes.clone();
        move |_, port| std::future::ready(nodes[usize::from(port)].connect())
    }

    pub(crate) fn any_node(&mut self) -> &Redis {
        &self.nodes[self.random.usize(..self.nodes.len())]
    }

    /// Gives some slots to another node. The two know it at once, the others may not.
    pub(crate) fn move_slots(&mut self) {
        let first = *self.random.choice(self.truth.owners.keys()).unwrap();
        let (from, to) = (self.truth.owners[&first], self.node());
        self.truth.owners.insert(first, to);
        self.truth.epoch += 1;
        for node in [from, to] {
            // It may have not heard yet what became of other slots.
            let mut view = self.nodes[usize::from(node)].view();
            if view.is_alone {
                // Who takes slots is no longer cut off.
                self.tell(node);
                continue;
            }
            view.owners.insert(first, to);
            if node == to {
                view.epoch = self.truth.epoch;
            }
            self.nodes[usize::from(node)].learn(view);
        }
    }

    /// A node is cut off from the others, which share its slots, and from all clients that it has.
    pub(crate) fn fail_over(&mut self) {
        let failed = self.node();
        self.lose(failed);
        let mut view = self.nodes[usize::from(failed)].view();
        view.is_alone = true;
        self.nodes[usize::from(failed)].learn(view);
        self.truth.epoch += 1;
        let heir = (failed + 1) % u16::try_from(self.nodes.len()).unwrap();
        for owner in self.truth.owners.values_mut().filter(|owner| **owner == failed) {
            *owner = heir;
        }
        self.tell(heir);
    }

    /// The connections of a node end, or say and hear nothing more.
    pub(crate) fn lose_any(&mut self) {
        let node = self.node();
        self.lose(node);
    }

    /// A node hears all that is true.
    pub(crate) fn tell_any(&mut self) {
        let node = self.node();
        self.tell(node);
    }

    pub(crate) fn tell_all(&self) {
        (0..self.nodes.len()).for_each(|node| self.tell(u16::try_from(node).unwrap()));
    }

    /// All nodes do what is asked of them.
    pub(crate) fn recover(&self) {
        for node in &self.nodes {
            node.refuse_connections(false);
            node.stall(false);
        }
    }

    pub(crate) fn publish(&self, channel: &str, number: u64) {
        self.nodes[usize::from(self.truth.owner(slot(channel)))].publish(channel, number, true);
    }

    /// The names of each connection that is not frozen, with the number of its node.
    pub(crate) fn names(&self) -> Vec<(u16, BTreeSet<(NameKind, String)>)> {
        let nodes = self.nodes.iter().zip(0..);
        nodes.flat_map(|(node, number)| node.names().into_iter().map(move |names| (number, names))).collect()
    }

    pub(crate) fn owner(&self, name: &str) -> u16 {
        self.truth.owner(slot(name))
    }

    fn node(&mut self) -> u16 {
        self.random.u16(..u16::try_from(self.nodes.len()).unwrap())
    }

    fn lose(&mut self, node: u16) {
        let node = &self.nodes[usize::from(node)];
        if self.random.bool() { node.kill() } else { node.freeze() }
    }

    fn tell(&self, node: u16) {
        self.nodes[usize::from(node)].learn(View { me: node, ..self.truth.clone() });
    }
}

fn slot(name: &str) -> u16 {
    let tag = name.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or(name, |(tag, _)| tag);
    crc16::State::<crc16::XMODEM>::calculate(tag.as_bytes()) % SLOTS
}

const HOST: &str = "node";
const SLOTS: u16 = 16_384;
