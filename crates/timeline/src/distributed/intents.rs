//! What this node has begun: another one ends it if this one dies.
//!
//! ```text
//!  note ──► lane, one document ──► done: the lane is idle ──► taken by the next note,
//!            replaced as a whole                              or deleted after a second
//!                 └── dropped, after an error: left, until the finisher of this node ended it
//! ```
//!
//! An intent is written before what it names is begun. It is as durable as that without waiting for
//! a majority: a replica set keeps its writes in their order, so it has the intent if it has what
//! came after. A new primary may lack both, so an intent is written anew before the next step if
//! there was an election since, as it is if it is old. It is not removed when that has ended: the
//! next one takes its place, and whoever looks at one of a dead node finds most of it done.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, mem};

use mongo_link::Election;
use mongodb::bson::doc;
use mongodb::options::WriteConcern;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::database::Database;
use super::documents::{IntentDoc, IntentOp};
use super::node_id::NodeId;
use crate::Result;

/// After how long an intent is noted again before something is begun.
///
/// Other nodes end what is older than the grace and 5 s, and forget it.
const NOTED_MAX: Duration = Duration::from_secs(2);

/// What this node has begun and not ended. Cloning shares it.
#[derive(Clone)]
pub(super) struct Intents(Arc<Inner>);

struct Inner {
    database: Database,
    node: NodeId,
    lanes: Mutex<Lanes>,
}

/// The documents of this node, by their numbers.
///
/// A number that is in no list is taken, or is never used again: a command that nobody waits for
/// any more may still come to its document, and would undo what a later one wrote there.
#[derive(Debug, Default)]
struct Lanes {
    /// Those whose operations have ended, since when.
    idle: BTreeMap<u32, Instant>,
    /// Those without a document, below `next`.
    free: BTreeSet<u32>,
    /// Those whose operations were left by who began them.
    left: Vec<LeftIntent>,
    next: u32,
}

/// Operations that were left, and when they were noted.
#[derive(Debug)]
struct LeftIntent {
    lane: u32,
    ops: Vec<IntentOp>,
    noted_at: Instant,
}

/// Operations that are noted, and may be begun.
///
/// Dropped before they are [done](Self::done) they are left to the finisher.
pub(super) struct Noted {
    intents: Intents,
    lane: u32,
    ops: Vec<IntentOp>,
    noted_at: Instant,
    /// Which primary has it: another one may not.
    election: Election,
    has_ended: bool,
    /// Whether a command to the document was given up, and may come late.
    may_change: bool,
}

/// How long a lane is idle before its document is deleted.
const IDLE: Duration = Duration::from_secs(1);

impl Intents {
    pub(super) fn new(database: Database, node: NodeId) -> Self {
        Self(Arc::new(Inner { database, node, lanes: Mutex::default() }))
    }

    /// Notes what is about to be begun.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable): nothing of it may be begun.
    pub(super) async fn note(&self, ops: Vec<IntentOp>) -> Result<Noted> {
        let lane = self.0.lanes.lock().take();
        let mut noted = Noted::new(self, lane, ops);
        match noted.renew().await {
            Ok(()) => Ok(noted),
            Err(error) => {
                // Nothing was begun, whether the document is there or not.
                noted.done();
                Err(error)
            }
        }
    }

    /// Takes what was left after errors; it has to be ended.
    pub(super) fn take_left(&self) -> Vec<Noted> {
        let left = mem::take(&mut self.0.lanes.lock().left);
        let noted = |LeftIntent { lane, ops, noted_at }| {
            let mut noted = Noted::new(self, lane, ops);
            // Whoever left it may have given up a command to its document.
            (noted.noted_at, noted.may_change) = (noted_at, true);
            noted
        };
        left.into_iter().map(noted).collect()
    }

    /// Deletes the documents of lanes that are idle for a while.
    ///
    /// With `all` it does not matter for how long.
    pub(super) async fn delete_idle(&self, all: bool) -> Result<()> {
        let since = if all { Duration::ZERO } else { IDLE };
        let lanes = self.0.lanes.lock().take_idle(since);
        if lanes.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = lanes.iter().map(|lane| self.id(*lane)).collect();
        let filter = doc! { "_id": { "$in": ids } };
        let deleted = self
            .0
            .database
            .call(move |collections| async move { collections.intents.delete_many(filter).await.map(drop) })
            .await;
        if deleted.is_ok() {
            self.0.lanes.lock().free.extend(lanes);
        }
        deleted
    }

    fn id(&self, lane: u32) -> String {
        format!("{}:{lane}", self.0.node)
    }
}

impl Lanes {
    /// Takes a lane: one with a document that can be replaced, if there is any.
    fn take(&mut self) -> u32 {
        if let Some((lane, _since)) = self.idle.pop_first() {
            return lane;
        }
        if let Some(lane) = self.free.pop_first() {
            return lane;
        }
        self.next += 1;
        self.next - 1
    }

    fn end(&mut self, lane: u32) {
        self.idle.insert(lane, Instant::now());
    }

    /// Takes the lanes that are idle for so long.
    fn take_idle(&mut self, at_least: Duration) -> Vec<u32> {
        let is_due = |(_, since): &(&u32, &Instant)| since.elapsed() >= at_least;
        let due: Vec<u32> = self.idle.iter().filter(is_due).map(|(lane, _)| *lane).collect();
        self.idle.retain(|lane, _| !due.contains(lane));
        due
    }
}

impl Noted {
    fn new(intents: &Intents, lane: u32, ops: Vec<IntentOp>) -> Self {
        Self {
            intents: intents.clone(),
            lane,
            ops,
            noted_at: Instant::now(),
            election: Election::default(),
            has_ended: false,
            may_change: false,
        }
    }

    /// Returns what was noted.
    pub(super) fn ops(&self) -> &[IntentOp] {
        &self.ops
    }

    /// Returns how long ago it was noted.
    ///
    /// Other nodes take an old one for that of a dead node.
    pub(super) fn age(&self) -> Duration {
        self.noted_at.elapsed()
    }

    /// Writes it anew before something is begun, unless that was done a moment ago.
    ///
    /// If there was an election since, it is done in any case.
    pub(super) async fn renew_if_old(&mut self) -> Result<()> {
        let is_of_another = self.election != self.intents.0.database.link().election();
        if is_of_another || self.age() > NOTED_MAX { self.renew().await } else { Ok(()) }
    }

    /// Notes it again, as new.
    pub(super) async fn renew(&mut self) -> Result<()> {
        let (noted_at, id) = (Instant::now(), self.intents.id(self.lane));
        let fields = doc! { "node": self.intents.0.node.as_str(), "ops": IntentDoc::ops(&self.ops) };
        let set = doc! { "$set": fields, "$currentDate": { "at": true } };
        let may_have_changed = mem::replace(&mut self.may_change, true);
        let database = &self.intents.0.database;
        // The order matters: an election meanwhile is one since then.
        let election = database.link().election();
        let written = database.call(move |collections| async move {
            let update = collections.intents.update_one(doc! { "_id": id }, set).upsert(true);
            update.write_concern(WriteConcern::nodes(1)).await.map(drop)
        });
        written.await?;
        (self.noted_at, self.election, self.may_change) = (noted_at, election, may_have_changed);
        Ok(())
    }

    /// Leaves what has not ended of it to the finisher, which takes it again.
    pub(super) fn leave(mut self, open: Vec<IntentOp>) {
        self.ops = open;
    }

    /// Notes that all of it has ended, and frees the lane.
    pub(super) fn done(mut self) {
        self.has_ended = true;
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        let mut lanes = self.intents.0.lanes.lock();
        if !self.has_ended {
            let (lane, ops, noted_at) = (self.lane, mem::take(&mut self.ops), self.noted_at);
            lanes.left.push(LeftIntent { lane, ops, noted_at });
        } else if !self.may_change {
            lanes.end(self.lane);
        }
    }
}

impl fmt::Debug for Intents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intents").field("node", &self.0.node).finish_non_exhaustive()
    }
}

impl fmt::Debug for Noted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Noted").field("lane", &self.lane).field("ops", &self.ops).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use mongo_link::State;
    use test_support::{Mongo, require, unique};
    use tokio::time::{sleep, timeout};

    use super::*;
    use crate::distributed::Config;

    /// A time that only a hang reaches.
    const PATIENCE: Duration = Duration::from_secs(60);

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_another_primary_may_not_have_is_noted_anew_however_young_it_is() {
        let Some(mongo) = require(Mongo::start().await) else { return };
        let config = Config::new(mongo.url()).database(unique("intents")).timeout(PATIENCE);
        let database = Database::start(&config).await.unwrap();
        let mut state = database.link().state();
        timeout(PATIENCE, state.wait_for(State::is_well)).await.expect("MongoDB answers").unwrap();
        let intents = Intents::new(database.clone(), NodeId::fresh());
        let mut noted = intents.note(Vec::new()).await.unwrap();
        let heard = timeout(PATIENCE, async {
            while database.link().election() == Election::default() {
                sleep(Duration::from_millis(10)).await;
            }
        });
        heard.await.expect("a primary is heard of");
        // As a new primary does that has not got it; says whether it was there.
        let take_back = async || {
            let deleted = database
                .call(|collections| async move { collections.intents.delete_many(doc! {}).await })
                .await;
            deleted.unwrap().deleted_count > 0
        };
        noted.renew().await.unwrap();
        assert!(take_back().await);
        noted.noted_at = Instant::now();
        noted.renew_if_old().await.unwrap();
        assert!(!take_back().await, "it is young, and its primary is still the same");
        noted.election = Election::default();
        noted.noted_at = Instant::now();
        noted.renew_if_old().await.unwrap();
        assert!(take_back().await, "another primary may not have it");
        noted.done();
    }

    #[tokio::test(start_paused = true)]
    async fn lanes_are_used_again_and_their_documents_deleted_when_they_are_idle() {
        let mut lanes = Lanes::default();
        assert_eq!([lanes.take(), lanes.take(), lanes.take()], [0, 1, 2]);
        lanes.end(1);
        lanes.end(2);
        assert_eq!(lanes.take(), 1);
        assert!(lanes.take_idle(IDLE).is_empty());
        tokio::time::advance(IDLE).await;
        lanes.end(0);
        assert_eq!(lanes.take_idle(IDLE), [2]);
        assert_eq!(lanes.take(), 0, "one that is being deleted is not taken");
        assert_eq!(lanes.take(), 3);
        lanes.free.insert(2);
        assert_eq!(lanes.take(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn all_idle_lanes_are_taken_at_the_end() {
        let mut lanes = Lanes::default();
        let lane = lanes.take();
        lanes.end(lane);
        assert_eq!(lanes.take_idle(Duration::ZERO), [lane]);
    }
}
