//! The task that knows the cluster: asks for its map when something says that it has changed, and has a connection to each master.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::map::{self, Range};
use crate::actor::Actor;
use crate::backoff::Backoff;
use crate::connection::{Dialer, ask};
use crate::engine::{Mode, Place, Shared};
use crate::error::{Error, ErrorKind};
use crate::registry::{NOWHERE, SLOTS};

/// Owns the connections' tasks.
pub(super) struct Topology {
    shared: Arc<Shared>,
    /// The nodes that were named in the settings.
    seeds: Vec<Dialer>,
    masters: BTreeMap<(String, u16), Master>,
    actors: TaskTracker,
    mode: watch::Receiver<Mode>,
}

struct Master {
    place: Place,
    dialer: Dialer,
    /// Ends its connection.
    gone: CancellationToken,
}

impl Topology {
    pub(super) fn new(shared: Arc<Shared>, seeds: Vec<Dialer>) -> Self {
        // The first link is for slots that nobody serves.
        let nowhere = shared.attach();
        debug_assert_eq!(nowhere.link, NOWHERE, "the registry is new");
        let mode = shared.mode.subscribe();
        Self { shared, seeds, masters: BTreeMap::new(), actors: TaskTracker::new(), mode }
    }

    /// Works until the multiplexer ends.
    pub(super) async fn run(mut self) {
        loop {
            let mode = *self.mode.borrow_and_update();
            match mode {
                Mode::Running => self.follow().await,
                // The sender lives in `shared`.
                Mode::Stopped => drop(self.mode.changed().await),
                Mode::Ended => break,
            }
        }
        self.actors.close();
        self.actors.wait().await;
        self.shared.end();
    }

    /// Follows the cluster until it is told not to.
    async fn follow(&mut self) {
        let shared = Arc::clone(&self.shared);
        let mut backoff = Backoff::new(shared.config.backoff_min, shared.config.backoff_max);
        let mut mode = self.mode.clone();
        let mut asked = Instant::now();
        loop {
            if asked.elapsed() > 2 * shared.config.backoff_max {
                backoff.reset();
            }
            let fetching = async {
                sleep(backoff.next(shared.dice.fraction())).await;
                self.fetch().await
            };
            let fetched = tokio::select! {
                biased;
                // The sender lives in `shared`.
                _ = mode.changed() => return,
                fetched = fetching => fetched,
            };
            asked = Instant::now();
            match fetched {
                Ok(ranges) => self.apply(&ranges),
                Err(error) => {
                    tracing::debug!(%error, source = ?error.source(), "no node gives the map of the cluster");
                    shared.failed(error);
                    continue;
                }
            }
            tokio::select! {
                biased;
                _ = mode.changed() => return,
                () = shared.map_is_stale.notified() => {}
            }
        }
    }

    /// Asks one node after the other, in random order: one that is cut off may have an old map.
    async fn fetch(&self) -> Result<Vec<Range>, Error> {
        let mut nodes: Vec<&Dialer> =
            self.masters.values().map(|master| &master.dialer).chain(&self.seeds).collect();
        let mut error = Error::new(ErrorKind::Unavailable, "no node of the cluster is known");
        while !nodes.is_empty() {
            let node = nodes.swap_remove(self.shared.dice.place(nodes.len()));
            match timeout(FETCH, slots(node)).await {
                Ok(Ok(ranges)) if !ranges.is_empty() => return Ok(ranges),
                Ok(Ok(_)) => error = Error::new(ErrorKind::Unavailable, "the cluster has no slots yet"),
                Ok(Err(failed)) => error = failed,
                Err(_) => error = Error::new(ErrorKind::Unavailable, "a node of the cluster does not answer"),
            }
        }
        Err(error)
    }

    /// Has a connection to each master of the map, and sends names where they belong.
    fn apply(&mut self, ranges: &[Range]) {
        let mut links = Box::new([NOWHERE; SLOTS]);
        let mut named = BTreeSet::new();
        for Range { first, last, host, port } in ranges {
            let address = (host.clone(), *port);
            let Some(link) = self.master(&address) else { continue };
            links[*first..=*last].fill(link);
            named.insert(address);
        }
        if links.contains(&NOWHERE) {
            // It is not whole: ask again, after a while.
            self.shared.map_is_stale.notify_one();
        }
        // No task may be about to tell something else of these names. Always in the order of the addresses, and others hold one at most.
        let telling: Vec<_> = self.masters.values().map(|master| master.place.telling.lock()).collect();
        let losses = self.shared.registry.lock().reroute(links);
        let error = Error::new(ErrorKind::Unavailable, "the slot of the channel belongs to another master");
        self.shared.tell_losses(losses, &error);
        drop(telling);
        self.masters.retain(|address, master| {
            let stays = named.contains(address);
            if !stays {
                master.gone.cancel();
            }
            stays
        });
    }

    /// The link of a master, which is connected to if it is a new one.
    fn master(&mut self, address: &(String, u16)) -> Option<usize> {
        if let Some(master) = self.masters.get(address) {
            return Some(master.place.link);
        }
        let dialer = self.seeds.first()?.to(&address.0, address.1)?;
        let (place, gone) = (self.shared.attach(), CancellationToken::new());
        let link = place.link;
        let actor = Actor::new(Arc::clone(&self.shared), place.clone(), dialer.clone(), gone.clone());
        self.actors.spawn(actor.run());
        self.masters.insert(address.clone(), Master { place, dialer, gone });
        Some(link)
    }
}

async fn slots(node: &Dialer) -> Result<Vec<Range>, Error> {
    let mut transport = node.open().await?;
    let answer = ask(&mut transport, b"CLUSTER", &[b"SLOTS"]).await?;
    map::read(&answer, node.host().unwrap_or_default())
}

/// How long one node may take.
const FETCH: Duration = Duration::from_secs(1);
