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

mod informant;
mod shared;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, ConnectionInfo, RedisResult, Value};
use tokio::sync::{Notify, watch};
use tokio::time::sleep;
use tokio_util::sync::DropGuard;

use self::shared::{MapState, Shared, closed, name_at};
use crate::config::LinkConfig;
use crate::connect::{bounded, single, wait};
use crate::connection_count::ConnectionCount;
use crate::error::Error;
use crate::request::{Request, Verdict};
use crate::slots::slot;
use crate::tasks::Tasks;
use crate::used::Used;

/// The masters of a cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    shared: Arc<Shared>,
    /// Which node is next for connections of other kinds.
    turn: AtomicUsize,
    _stop: DropGuard,
}

impl Cluster {
    /// Begins to look for the masters, through any of the seeds.
    ///
    /// It fails only where the feature `cluster` is off: see `no_cluster.rs`.
    pub(crate) fn start(
        seeds: Vec<ConnectionInfo>,
        settings: &Arc<LinkConfig>,
        tasks: &Tasks,
        connections: &ConnectionCount,
    ) -> Result<Self, Error> {
        let shared = Arc::new(Shared {
            seeds,
            settings: Arc::clone(settings),
            tasks: tasks.clone(),
            map: watch::Sender::default(),
            nodes: Mutex::default(),
            doubt: Notify::new(),
            connections: connections.clone(),
        });
        let running = Arc::clone(&shared);
        // At random, so that processes do not all begin with the same node.
        let turn = AtomicUsize::new(fastrand::usize(..));
        Ok(Self { shared, turn, _stop: tasks.spawn(async move { running.keep_running().await }) })
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

    /// Returns how to reach a node, another one with each call while there are several.
    ///
    /// One that hangs may count as connected to for a while, so whoever comes back gets the next.
    pub(crate) fn next_node(&self) -> ConnectionInfo {
        let mut reachable = self.shared.reachable();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        reachable.swap_remove(turn % reachable.len())
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

/// How long a call waits at most before it is sent again.
const PAUSE_MAX: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests;
