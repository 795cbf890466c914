//! A cluster: a connection to each master, and the map of their slots.
//!
//! A task keeps the map.
//!
//! ```text
//!   call(key) ──► map: slot ──► node ──► its connection
//!                   ▲             │ MOVED, ASK: goes there at once
//!                   │             │ TRYAGAIN, CLUSTERDOWN: waits for the map within the time of the call
//!                   │             │ lost: fails, as nobody knows whether it was heard
//!      mapper: asks several nodes side by side and takes the latest account; at once when somebody doubts the map, and again and
//!              again while a master is away
//! ```
//!
//! A master that hangs costs the calls about its own slots: those about others neither wait for it
//! nor for the map.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, ConnectionInfo, RedisError, RedisResult, Value};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::DropGuard;

use crate::caught::caught;
use crate::config::LinkConfig;
use crate::connect::{at, bounded, host_of, single, wait};
use crate::denial::Denial;
use crate::error::Error;
use crate::node::{LiveConnection, Node, Target};
use crate::request::{Request, Verdict};
use crate::slots::{ServerName, SlotMap, slot};
use crate::stragglers::{STRAGGLER_WAIT, next_until};
use crate::tasks::Tasks;
use crate::used::Used;

/// The masters of a cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    shared: Arc<Shared>,
    _stop: DropGuard,
}

#[derive(Debug)]
struct Shared {
    /// The nodes of the address.
    seeds: Vec<ConnectionInfo>,
    settings: Arc<LinkConfig>,
    tasks: Tasks,
    map: watch::Sender<MapState>,
    nodes: Mutex<HashMap<ServerName, Arc<Node>>>,
    doubt: Notify,
}

/// What is known of the slots.
#[derive(Debug, Default)]
struct MapState {
    map: SlotMap,
    /// Why nobody could be asked, at the first attempt.
    failure: Option<RedisError>,
}

impl Cluster {
    /// Begins to look for the masters, through any of the seeds.
    ///
    /// It fails only where the feature `cluster` is off: see `no_cluster.rs`.
    pub(crate) fn start(
        seeds: Vec<ConnectionInfo>,
        settings: &Arc<LinkConfig>,
        tasks: &Tasks,
    ) -> Result<Self, Error> {
        let shared = Arc::new(Shared {
            seeds,
            settings: Arc::clone(settings),
            tasks: tasks.clone(),
            map: watch::Sender::default(),
            nodes: Mutex::default(),
            doubt: Notify::new(),
        });
        let running = Arc::clone(&shared);
        Ok(Self { shared, _stop: tasks.spawn(async move { running.keep_running().await }) })
    }

    /// Waits for the first map.
    pub(crate) async fn found(&self) -> RedisResult<()> {
        let mut known = self.shared.map.subscribe();
        let found = known.wait_for(|known| !known.map.masters.is_empty() || known.failure.is_some()).await;
        match found.as_deref() {
            Ok(MapState { map, .. }) if !map.masters.is_empty() => Ok(()),
            Ok(MapState { failure: Some(error), .. }) => Err(error.clone()),
            _ => Err(closed()),
        }
    }

    /// Sends a request to the master of a key.
    pub(crate) async fn call(
        &self,
        key: &str,
        request: Request<'_>,
        used: &mut Option<Used>,
    ) -> RedisResult<Value> {
        let (slot, mut turn, mut asked) = (slot(key), 0, None);
        loop {
            let asking = asked.is_some();
            let node = match asked.take() {
                Some(node) => node,
                None => self.shared.owner(slot).await?,
            };
            let ready = tokio::select! {
                ready = node.ready() => ready,
                // The slot may go to another master while this one hangs. Then the call goes there
                // and waits no longer.
                () = self.shared.disowned(slot, &node), if !asking => continue,
            };
            let ready = match ready {
                Ok(ready) => ready,
                Err(error) => {
                    used.replace(Used::idle(&node));
                    self.shared.doubt.notify_one();
                    return Err(error);
                }
            };
            used.replace(Used::of(&node, &ready));
            let sent = request.send(&mut ready.connection.clone(), asking).await;
            let Err(error) = sent else { return sent };
            used.replace(Used::idle(&node));
            match Verdict::of(&error) {
                Verdict::Moved(host, port) => self.shared.moved(slot, &ready, &host, port),
                Verdict::Ask(host, port) => asked = Some(self.shared.node(&name_at(&ready, &host, port))),
                Verdict::Later => self.shared.doubt.notify_one(),
                Verdict::Lost | Verdict::Demoted => {
                    node.forget(&ready);
                    self.shared.doubt.notify_one();
                    return Err(error);
                }
                Verdict::Final => return Err(error),
            }
            if turn > 0 || asked.is_none() {
                // Two servers may point at each other for a moment, so there is a pause. The time
                // of the caller ends the loop.
                sleep(wait(turn, PAUSE_MAX)).await;
            }
            turn += 1;
        }
    }

    /// Asks for a new map.
    pub(crate) fn doubt(&self) {
        self.shared.doubt.notify_one();
    }

    /// Returns the name of the master of a key, if one is known.
    pub(crate) fn server(&self, key: &str) -> Option<String> {
        self.shared.map.borrow().map.owner(slot(key)).map(ToString::to_string)
    }

    /// Makes a connection of its own to the master of a key.
    pub(crate) async fn dedicated(
        &self,
        key: &str,
        patience: Duration,
    ) -> RedisResult<MultiplexedConnection> {
        let (slot, mut turn) = (slot(key), 0);
        loop {
            let node = self.shared.owner(slot).await?;
            let ready = node.ready().await?;
            let made = async {
                let mut connection = single(&ready.info, &self.shared.settings, Some(patience)).await?;
                redis::cmd("EXISTS").arg(key).query_async::<()>(&mut connection).await?;
                Ok(connection)
            };
            let error = match made.await {
                Ok(connection) => return Ok(connection),
                Err(error) => error,
            };
            match Verdict::of(&error) {
                Verdict::Moved(host, port) => self.shared.moved(slot, &ready, &host, port),
                Verdict::Ask(..) | Verdict::Later => self.shared.doubt.notify_one(),
                _ => {
                    self.shared.doubt.notify_one();
                    return Err(error);
                }
            }
            sleep(wait(turn, PAUSE_MAX)).await;
            turn += 1;
        }
    }

    /// Asks every master something, side by side.
    pub(crate) async fn each(&self, command: &Cmd) -> Vec<(String, RedisResult<Value>)> {
        let masters = self.shared.map.borrow().map.masters.clone();
        let limit = self.shared.settings.timeout;
        let asked = masters.into_iter().map(|name| async move {
            let node = self.shared.node(&name);
            let answer = bounded(limit, async {
                let mut ready = node.ready().await?;
                command.query_async::<Value>(&mut ready.connection).await
            });
            (name.to_string(), answer.await)
        });
        join_all(asked).await
    }
}

impl Shared {
    /// The node that has a slot, once one is known.
    async fn owner(&self, slot: u16) -> RedisResult<Arc<Node>> {
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
    async fn disowned(&self, slot: u16, node: &Arc<Node>) {
        let mut known = self.map.subscribe();
        let is_other = |known: &MapState| {
            known.map.owner(slot).is_some_and(|owner| !Arc::ptr_eq(&self.node(owner), node))
        };
        // The sender lives as long as `self`.
        drop(known.wait_for(is_other).await);
    }

    fn node(&self, name: &ServerName) -> Arc<Node> {
        let mut nodes = self.nodes.lock();
        if let Some(node) = nodes.get(name) {
            return Arc::clone(node);
        }
        let target = Target::At(self.info(name));
        let node = Arc::new(Node::start(target, &self.settings, &self.tasks));
        nodes.insert(Arc::clone(name), Arc::clone(&node));
        node
    }

    /// How to reach a node: user, password and TLS are those of the address.
    fn info(&self, name: &str) -> ConnectionInfo {
        let (host, port) = name.rsplit_once(':').unwrap_or((name, ""));
        at(&self.seeds[0], host, port.parse().unwrap_or(0))
    }

    /// Follows a slot that moved.
    fn moved(&self, slot: u16, from: &LiveConnection, host: &str, port: u16) {
        let name = name_at(from, host, port);
        self.map.send_modify(|known| known.map.moved(slot, &name));
        self.doubt.notify_one();
    }

    /// The name of the cluster for people: a node of it.
    fn name(&self) -> String {
        format!("the cluster of {}", self.seeds[0].addr())
    }

    /// Keeps the map, and begins again after a panic.
    async fn keep_running(&self) {
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

/// A server that knows the slots.
enum Informant {
    Ready(ServerName, Arc<Node>, LiveConnection),
    Other(ConnectionInfo),
}

impl Informant {
    /// Returns its name if it is a known master.
    fn master(&self) -> Option<ServerName> {
        match self {
            Self::Ready(name, ..) => Some(Arc::clone(name)),
            Self::Other(_) => None,
        }
    }

    /// Asks it, within the time for a connection.
    async fn ask(self, settings: &LinkConfig) -> RedisResult<SlotMap> {
        let limit = settings.connect_timeout;
        match self {
            Self::Ready(_, node, ready) => {
                let told = bounded(limit, account(ready.connection.clone(), &ready.info)).await;
                // A master that went without a word counts as connected to until somebody finds
                // out, and to the keys of this one there may be no calls.
                if told.as_ref().is_err_and(|error| Verdict::of(error) == Verdict::Lost) {
                    node.forget(&ready);
                }
                told
            }
            Self::Other(info) => {
                let told = async { account(single(&info, settings, None).await?, &info).await };
                bounded(limit, told).await
            }
        }
    }
}

/// Which master has which slots, by the account of the server at `info`.
async fn account(mut connection: MultiplexedConnection, info: &ConnectionInfo) -> RedisResult<SlotMap> {
    let mut questions = redis::pipe();
    questions.cmd("CLUSTER").arg("SLOTS").cmd("CLUSTER").arg("INFO").ignore_errors();
    let mut answers = questions.query_async::<Vec<Value>>(&mut connection).await?.into_iter();
    let slots = answers.next().unwrap_or(Value::Nil).extract_error()?;
    let epoch = answers.next().map_or(0, |info| epoch(&info));
    SlotMap::read(&slots, host_of(info), epoch)
        .ok_or_else(|| RedisError::from((redis::ErrorKind::Client, NO_SLOTS)))
}

/// Tells whether a server reports that it belongs to no cluster, or that its cluster has no slots.
fn is_of_no_cluster(error: &RedisError) -> bool {
    let text = error.to_string();
    [NO_SLOTS, NO_CLUSTER].iter().any(|said| text.contains(said))
}

/// The epoch in an answer of `CLUSTER INFO`, 0 where that is not permitted.
fn epoch(info: &Value) -> u64 {
    let text = match info {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes),
        Value::VerbatimString { text, .. } => text.as_str().into(),
        _ => return 0,
    };
    let line = text.lines().find_map(|line| line.strip_prefix("cluster_current_epoch:"));
    line.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
}

/// The name of the server that another one points to; without a host it is the same host.
fn name_at(from: &LiveConnection, host: &str, port: u16) -> ServerName {
    let host = if host.is_empty() { host_of(&from.info) } else { host };
    format!("{host}:{port}").into()
}

fn closed() -> RedisError {
    RedisError::from((redis::ErrorKind::Client, "the link to redis was shut down"))
}

const NO_SLOTS: &str = "the node reports no slots; check that its cluster has been set up";
/// What Redis says to `CLUSTER SLOTS` outside of a cluster.
const NO_CLUSTER: &str = "cluster support disabled";
/// How long a call waits at most before it is sent again.
const PAUSE_MAX: Duration = Duration::from_millis(50);
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

#[cfg(test)]
mod tests {
    use redis::IntoConnectionInfo;
    use tokio::time::timeout;

    use super::*;
    use crate::caught::told;

    #[tokio::test]
    async fn a_task_that_panics_fails_who_waits_for_the_map_and_goes_on() {
        let settings = Arc::new(LinkConfig::new("redis://127.0.0.1:1").retry_max(Duration::from_millis(50)));
        let nobody = "redis://127.0.0.1:1".into_connection_info().unwrap();
        told::panic_times(1);
        let cluster = Cluster::start(vec![nobody], &settings, &Tasks::here().unwrap()).unwrap();
        let error = cluster.found().await.unwrap_err().to_string();
        assert!(error.contains("panicked"), "{error}");
        let mut map = cluster.shared.map.subscribe();
        let tried = |map: &MapState| map.failure.as_ref().is_some_and(RedisError::is_io_error);
        timeout(Duration::from_secs(60), map.wait_for(tried)).await.unwrap().unwrap();
    }
}
