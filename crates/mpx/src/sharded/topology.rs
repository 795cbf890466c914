//! The task that knows the cluster.
//!
//! It asks for the map when something says that the map has changed, and has a connection to each
//! master.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::side_by_side::SideBySide;
use super::slot_map::{self, SlotMap, SlotRange};
use crate::actor::Actor;
use crate::backoff::Backoff;
use crate::caught::caught;
use crate::connection::{Dialer, Transport, ask};
use crate::engine::{LinkHandle, Shared};
use crate::error::{Error, ErrorKind};
use crate::mode::{Mode, ModeWatcher};
use crate::registry::{NOWHERE, SLOTS};

/// Owns the connections' tasks.
pub(super) struct Topology {
    shared: Arc<Shared>,
    /// The nodes that were named in the settings.
    seeds: Vec<Dialer>,
    masters: BTreeMap<(String, u16), Master>,
    actors: TaskTracker,
    mode: ModeWatcher,
    /// The latest epoch of the cluster that any map was of.
    epoch: u64,
    /// Attempts to get a map since there was one.
    failed: u64,
}

struct Master {
    handle: LinkHandle,
    dialer: Dialer,
    /// Ends its connection with this.
    _gone: DropGuard,
}

impl Topology {
    pub(super) fn new(shared: Arc<Shared>, seeds: Vec<Dialer>) -> Self {
        // The first link is for slots that nobody serves.
        let nowhere = shared.attach();
        debug_assert_eq!(nowhere.link, NOWHERE, "the registry is new");
        let mode = shared.switch.follow();
        Self {
            shared,
            seeds,
            masters: BTreeMap::new(),
            actors: TaskTracker::new(),
            mode,
            epoch: 0,
            failed: 0,
        }
    }

    /// Works until the multiplexer ends.
    pub(super) async fn run(mut self) {
        loop {
            match self.mode.mode() {
                Mode::Running => self.keep_following().await,
                Mode::Stopped => self.mode.turned().await,
                Mode::Ended => break,
            }
        }
        self.actors.close();
        self.actors.wait().await;
    }

    /// Follows the cluster until it is told not to. After a panic it begins again, in a while.
    async fn keep_following(&mut self) {
        let server = self.shared.server.clone();
        let followed = caught(&server, async {
            self.follow().await;
            Ok(())
        });
        let Err(error) = followed.await else { return };
        self.shared.failed(error);
        tokio::select! {
            biased;
            () = self.mode.turned() => {}
            () = sleep(self.shared.config.backoff_max) => {}
        }
    }

    /// Follows the cluster until it is told not to.
    async fn follow(&mut self) {
        let shared = Arc::clone(&self.shared);
        let mut backoff = Backoff::new(shared.config.backoff_min, shared.config.backoff_max);
        let mut mode = self.mode.clone();
        let mut asked = Instant::now();
        loop {
            // The wait grows also with each map that comes. A cluster that says again and again
            // that its map is stale, as one with slots that nobody serves, is not asked without
            // pause.
            if asked.elapsed() > 2 * shared.config.backoff_max {
                backoff.reset();
            }
            let fetching = async {
                sleep(backoff.next(shared.dice.fraction())).await;
                self.fetch().await
            };
            let fetched = tokio::select! {
                biased;
                () = mode.turned() => return,
                fetched = fetching => fetched,
            };
            asked = Instant::now();
            match fetched {
                Ok(map) => {
                    (self.epoch, self.failed) = (self.epoch.max(map.epoch.unwrap_or(0)), 0);
                    self.apply(&map.ranges);
                }
                Err(error) => {
                    // One line for an outage, not one for each attempt.
                    if self.failed == 0 {
                        tracing::warn!(
                            error = %format_args!("{error:#}"),
                            "no node of the cluster says which master has which slots; trying again"
                        );
                    }
                    self.failed += 1;
                    shared.failed(error);
                    continue;
                }
            }
            tokio::select! {
                biased;
                () = mode.turned() => return,
                // What was said during the last attempt is kept as a permit, so it is not missed.
                () = shared.map_is_stale.notified() => {}
            }
        }
    }

    /// Asks a few nodes side by side, in random order, so that one that stands still delays nobody.
    ///
    /// One that is cut off may have an old map, by its epoch: that is taken only if nobody has
    /// another, or nobody says anything for a while.
    async fn fetch(&self) -> Result<SlotMap, Error> {
        let mut nodes: Vec<&Dialer> =
            self.masters.values().map(|master| &master.dialer).chain(&self.seeds).collect();
        let message = format!("no node of {} is known", self.shared.server);
        let mut error = Error::new(ErrorKind::Unavailable, message);
        let mut oldish: Option<SlotMap> = None;
        let (mut asked, mut asked_max) = (SideBySide::new(), ASKED_MAX);
        loop {
            while asked.len() < asked_max && !nodes.is_empty() {
                let node = nodes.swap_remove(self.shared.dice.index(nodes.len()));
                asked.add(ask_for_map(node));
            }
            if asked.len() == 0 {
                return oldish.ok_or(error);
            }
            let answer = tokio::select! {
                biased;
                answer = asked.next() => answer,
                // Those that stand still take no place from others.
                () = sleep(SILENCE), if !nodes.is_empty() => {
                    asked_max += 1;
                    continue;
                }
                () = sleep(SILENCE), if nodes.is_empty() && oldish.is_some() => {
                    return oldish.ok_or(error);
                }
            };
            match answer {
                // A node that does not tell the epoch of its map has to be believed.
                Ok(map) if map.epoch.is_none_or(|epoch| epoch >= self.epoch) => return Ok(map),
                Ok(map) if oldish.as_ref().is_none_or(|oldish| oldish.epoch < map.epoch) => {
                    oldish = Some(map);
                }
                Ok(_older) => {}
                Err(failed) => error = failed,
            }
        }
    }

    /// Has a connection to each master of the map, and sends names where they belong.
    fn apply(&mut self, ranges: &[SlotRange]) {
        // The order matters: a new master has its link before names go there, and an old one is
        // dropped after its names have gone, so that its end takes nothing from anybody.
        let mut links = Box::new([NOWHERE; SLOTS]);
        let mut named = BTreeSet::new();
        for SlotRange { first, last, host, port } in ranges {
            let address = (host.clone(), *port);
            let Some(link) = self.master(&address) else { continue };
            links[*first..=*last].fill(link);
            named.insert(address);
        }
        if links.contains(&NOWHERE) {
            // Some slots have no master in this map, so the cluster is asked again after a while.
            self.shared.map_is_stale.notify_one();
        }
        // No other task may be about to tell subscriptions something about these names. The locks
        // are taken in the order of the addresses, and every other task holds one at most, so there
        // is not a deadlock.
        let telling: Vec<_> = self.masters.values().map(|master| master.handle.telling.lock()).collect();
        let losses = self.shared.registry.lock().reroute(links);
        let message = format!("the slot of the channel moved to another master of {}", self.shared.server);
        let error = Error::new(ErrorKind::Unavailable, message);
        self.shared.tell_losses(losses, &error);
        drop(telling);
        self.masters.retain(|address, _| named.contains(address));
    }

    /// The link of a master, which is connected to if it is a new one.
    fn master(&mut self, address: &(String, u16)) -> Option<usize> {
        if let Some(master) = self.masters.get(address) {
            return Some(master.handle.link);
        }
        let dialer = self.seeds.first()?.to(&address.0, address.1)?;
        let (handle, gone) = (self.shared.attach(), CancellationToken::new());
        let (link, shared) = (handle.link, Arc::clone(&self.shared));
        let actor = Actor::new(Arc::clone(&shared), handle.clone(), dialer.clone(), gone.clone());
        self.actors.spawn(async move {
            actor.run().await;
            // No name belongs to the link any more: the map that left out its master has given them
            // to others, or the multiplexer has ended.
            shared.registry.lock().detach(link);
        });
        self.masters.insert(address.clone(), Master { handle, dialer, _gone: gone.drop_guard() });
        Some(link)
    }
}

/// Asks one node. Connecting and its answers each have the time that connecting may take.
async fn ask_for_map(node: &Dialer) -> Result<SlotMap, Error> {
    let mut transport = node.open().await?;
    // Where connecting has less, as on a fast network, a busy node still gets a while.
    let within = node.within().max(SILENCE);
    let map = timeout(within, read_map(&mut transport, node)).await.unwrap_or_else(|_| {
        let message = format!("{} did not say within {within:?} which master has which slots", node.server());
        Err(Error::new(ErrorKind::Unavailable, message))
    })?;
    if map.ranges.is_empty() {
        let message = format!("{} says that its cluster has no slots yet", node.server());
        return Err(Error::new(ErrorKind::Unavailable, message));
    }
    Ok(map)
}

async fn read_map(transport: &mut Box<dyn Transport>, node: &Dialer) -> Result<SlotMap, Error> {
    // The order matters: the epoch is asked for first, so that a change between the two answers
    // makes the map later than its epoch says, and never earlier.
    let epoch = match ask(transport, node.server(), b"CLUSTER", &[b"INFO"]).await {
        Ok(answer) => Some(slot_map::epoch(&answer, node.server())?),
        Err(error) if error.kind() == ErrorKind::Config => None,
        Err(error) => return Err(error),
    };
    let answer = ask(transport, node.server(), b"CLUSTER", &[b"SLOTS"]).await?;
    let ranges = slot_map::read(&answer, node.host().unwrap_or_default(), node.server())?;
    Ok(SlotMap { epoch, ranges })
}

/// How many nodes are asked side by side at first. Every process of a program asks at the same
/// time, when a master falls.
const ASKED_MAX: usize = 3;
/// After so long without an answer one more node is asked, or an old map is taken.
const SILENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::io;

    use tokio::io::DuplexStream;
    use tokio::task::yield_now;

    use super::*;
    use crate::config::Config;
    use crate::engine::Engine;
    use crate::registry::NameRoutes;
    use crate::server::Server;

    #[tokio::test]
    async fn masters_that_come_and_go_take_the_room_of_those_before() {
        let config =
            Config::from_connect_node("node", 0, |_: String, _: u16| pending::<io::Result<DuplexStream>>());
        let first = Dialer::new(&config).unwrap();
        let engine = Engine::new(config, NameRoutes::unknown(), Server::unnamed()).unwrap();
        let mut topology = Topology::new(Arc::clone(&engine.shared), vec![first]);
        for port in 1..100 {
            topology.apply(&[SlotRange { first: 0, last: SLOTS - 1, host: "node".to_owned(), port }]);
            // Until the master before has ended.
            while topology.actors.len() > 1 {
                yield_now().await;
            }
        }
        // Nobody's, and those of two masters, of which one leaves when the other comes.
        assert_eq!(engine.shared.registry.lock().links_count(), 3);
    }
}
