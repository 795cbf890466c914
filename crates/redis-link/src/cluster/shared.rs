//! The map of the slots with its nodes, and the task that keeps it true.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;
use redis::{ConnectionInfo, RedisError, RedisResult};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::informant::{Informant, is_of_no_cluster};
use crate::caught::caught;
use crate::config::LinkConfig;
use crate::connect::{at, host_of};
use crate::connection_count::ConnectionCount;
use crate::denial::Denial;
use crate::node::{LiveConnection, Node, Target};
use crate::slots::{ServerName, SlotMap};
use crate::stragglers::{STRAGGLER_WAIT, next_until};
use crate::tasks::Tasks;

/// What the cluster's handle and its task share.
#[derive(Debug)]
pub(super) struct Shared {
    /// The nodes of the address.
    pub(super) seeds: Vec<ConnectionInfo>,
    pub(super) settings: Arc<LinkConfig>,
    pub(super) tasks: Tasks,
    pub(super) map: watch::Sender<MapState>,
    pub(super) nodes: Mutex<HashMap<ServerName, Arc<Node>>>,
    pub(super) doubt: Notify,
    pub(super) connections: ConnectionCount,
}

/// What is known of the slots.
#[derive(Debug, Default)]
pub(super) struct MapState {
    pub(super) map: SlotMap,
    /// Why nobody could be asked, at the first attempt.
    pub(super) failure: Option<RedisError>,
}

impl Shared {
    /// The node that has a slot, once one is known.
    pub(super) async fn owner(&self, slot: u16) -> RedisResult<Arc<Node>> {
        let mut known = self.map.subscribe();
        loop {
            let name = known.borrow_and_update().map.owner(slot).cloned();
            if let Some(name) = name {
                return Ok(self.node(&name));
            }
            self.doubt.notify_one();
            known.changed().await.map_err(|_| closed())?;
        }
    }

    /// Waits until a slot is another node's.
    pub(super) async fn disowned(&self, slot: u16, node: &Arc<Node>) {
        let mut known = self.map.subscribe();
        let is_other = |known: &MapState| {
            known.map.owner(slot).is_some_and(|owner| !Arc::ptr_eq(&self.node(owner), node))
        };
        // The sender lives as long as `self`.
        drop(known.wait_for(is_other).await);
    }

    pub(super) fn node(&self, name: &ServerName) -> Arc<Node> {
        let mut nodes = self.nodes.lock();
        if let Some(node) = nodes.get(name) {
            return Arc::clone(node);
        }
        let target = Target::At(self.info(name));
        let node = Arc::new(Node::start(target, &self.settings, &self.tasks, &self.connections));
        nodes.insert(Arc::clone(name), Arc::clone(&node));
        node
    }

    /// How to reach a node: user, password and TLS are those of the address.
    fn info(&self, name: &str) -> ConnectionInfo {
        let (host, port) = name.rsplit_once(':').unwrap_or((name, ""));
        at(&self.seeds[0], host, port.parse().unwrap_or(0))
    }

    /// How to reach the nodes that may answer; never none.
    ///
    /// They are the masters that are connected to, or else all nodes that are known.
    pub(super) fn reachable(&self) -> Vec<ConnectionInfo> {
        let (masters, replicas) = {
            let known = self.map.borrow();
            (known.map.masters.clone(), known.map.replicas.clone())
        };
        let connected = masters.iter().filter(|name| !self.node(name).is_away());
        let connected: Vec<_> = connected.map(|name| self.info(name)).collect();
        if !connected.is_empty() {
            return connected;
        }
        let known = masters.iter().chain(&replicas).map(|name| self.info(name));
        self.seeds.iter().cloned().chain(known).collect()
    }

    /// Follows a slot that moved.
    pub(super) fn moved(&self, slot: u16, from: &LiveConnection, host: &str, port: u16) {
        let name = name_at(from, host, port);
        self.map.send_modify(|known| known.map.moved(slot, &name));
        self.doubt.notify_one();
    }

    /// The name of the cluster for people: a node of it.
    fn name(&self) -> String {
        format!("the cluster of {}", self.seeds[0].addr())
    }

    /// Keeps the map, and begins again after a panic.
    pub(super) async fn keep_running(&self) {
        loop {
            let Err(error) = caught(|| self.name(), self.keep_map()).await;
            self.map.send_modify(|known| known.failure = Some(error));
            sleep(self.settings.retry_max).await;
        }
    }

    /// Keeps the map true.
    async fn keep_map(&self) -> RedisResult<Infallible> {
        let mut denial = Denial::default();
        loop {
            let asked = Instant::now();
            let round = self.ask_around(denial.is_suspected()).await;
            self.take(round, &mut denial);
            let is_well = self.is_whole() && !denial.is_suspected();
            let pause = if is_well { MAP_INTERVAL } else { MAP_INTERVAL_AWAY };
            tokio::select! {
                () = self.doubt.notified() => {}
                () = sleep(pause) => {}
            }
            sleep_until(asked + MAP_INTERVAL_MIN).await;
        }
    }

    /// Whether every master is connected to.
    fn is_whole(&self) -> bool {
        let masters = self.masters();
        !masters.is_empty() && masters.iter().all(|node| !node.is_away())
    }

    /// The masters that are known, each of which is connected to from now on.
    fn masters(&self) -> Vec<Arc<Node>> {
        let names = self.map.borrow().map.masters.clone();
        names.iter().map(|name| self.node(name)).collect()
    }

    /// Goes over to the map that a round brought, unless it is older than what is known.
    ///
    /// An older map counts only if the known masters deny the known one. It may be this process
    /// that is cut off from them, together with a server that stood still. Then the map of the
    /// known masters is taken again as soon as one of them answers, as its epoch is higher.
    fn take(&self, round: Round, denial: &mut Denial) {
        let Round { latest, deniers } = round;
        let (epoch, masters) = {
            let known = self.map.borrow();
            (known.map.epoch, known.map.masters.clone())
        };
        let counts = if latest.as_ref().is_ok_and(|map| map.epoch >= epoch) {
            denial.ends();
            true
        } else {
            let connected: Vec<_> = masters.into_iter().filter(|name| !self.node(name).is_away()).collect();
            denial.goes_on(&connected, &deniers, Instant::now())
        };
        self.map.send_modify(|known| match latest {
            Ok(map) => {
                if counts {
                    known.map = map;
                }
                known.failure = None;
            }
            // The old map stays in use, so that calls to masters that are well go on.
            Err(error) => known.failure = Some(error),
        });
        // Only the masters of a map that counts are connected to. Those that a refused map names
        // would be connected to and dropped in each round.
        let known = self.map.borrow().map.masters.clone();
        for name in &known {
            self.node(name);
        }
        self.nodes.lock().retain(|name, _| known.contains(name));
    }

    /// Asks several nodes, or `everyone`, and returns the latest map that arrives shortly after the
    /// first. A map that is older than the known one ends no round: all others have their time to
    /// answer.
    async fn ask_around(&self, everyone: bool) -> Round {
        let known = self.map.borrow().map.epoch;
        let settings = &*self.settings;
        let asked = self.sources(everyone).into_iter().map(|source| {
            let master = source.master();
            async move { (master, source.ask(settings).await) }.boxed()
        });
        let mut asked: FuturesUnordered<_> = asked.collect();
        let (mut latest, mut failure, mut until) = (None::<SlotMap>, None, None);
        let mut deniers = Vec::new();
        while let Some((master, answer)) = next_until(&mut asked, until).await {
            let denies = match &answer {
                Ok(map) => map.epoch < known,
                Err(error) => is_of_no_cluster(error),
            };
            if denies {
                deniers.extend(master);
            }
            match answer {
                Ok(map) => {
                    if map.epoch >= known {
                        until.get_or_insert_with(|| Instant::now() + STRAGGLER_WAIT);
                    }
                    if latest.as_ref().is_none_or(|latest| latest.epoch < map.epoch) {
                        latest = Some(map);
                    }
                }
                Err(error) => failure = Some(error),
            }
        }
        Round { latest: latest.ok_or_else(|| failure.unwrap_or_else(closed)), deniers }
    }

    /// Returns whom to ask: some masters that are connected to. If there are few of them, or if
    /// `everyone` is to be asked, other known servers are asked as well, over new connections.
    fn sources(&self, everyone: bool) -> Vec<Informant> {
        let (mut masters, replicas) = {
            let known = self.map.borrow();
            (known.map.masters.clone(), known.map.replicas.clone())
        };
        fastrand::shuffle(&mut masters);
        let ready = masters.iter().filter_map(|name| {
            let node = self.node(name);
            let ready = node.ready_now()?;
            Some(Informant::Ready(Arc::clone(name), node, ready))
        });
        let mut sources: Vec<_> = ready.take(if everyone { usize::MAX } else { ASKED_MAX }).collect();
        if everyone || sources.len() < ASKED_MIN {
            let mut others: Vec<_> = masters.iter().chain(&replicas).map(|name| self.info(name)).collect();
            others.extend(self.seeds.iter().cloned());
            fastrand::shuffle(&mut others);
            sources.extend(others.into_iter().take(OTHERS_MAX).map(Informant::Other));
        }
        sources
    }
}

/// What a round of questions brought.
#[derive(Debug)]
struct Round {
    /// The latest of the accounts, or why there is none.
    latest: RedisResult<SlotMap>,
    /// Those of the known masters that know neither the known map nor a later one.
    deniers: Vec<ServerName>,
}

/// The name of the server that another one points to; without a host it is the same host.
pub(super) fn name_at(from: &LiveConnection, host: &str, port: u16) -> ServerName {
    let host = if host.is_empty() { host_of(&from.info) } else { host };
    format!("{host}:{port}").into()
}

pub(super) fn closed() -> RedisError {
    RedisError::from((redis::ErrorKind::Client, "the link to redis was shut down"))
}

/// How often the map is asked for at most.
const MAP_INTERVAL_MIN: Duration = Duration::from_millis(50);
/// How often it is asked for while a master is away.
const MAP_INTERVAL_AWAY: Duration = Duration::from_millis(200);
/// How often while all goes well.
const MAP_INTERVAL: Duration = Duration::from_secs(10);
/// How many connected masters are asked.
const ASKED_MAX: usize = 5;
/// With fewer of them others are asked as well.
const ASKED_MIN: usize = 2;
const OTHERS_MAX: usize = 8;
