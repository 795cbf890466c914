//! A snapshot of who is online, for the beginning of a stream.
//!
//! The ids are listed while the world moves on, and brought up to the position where the changes
//! begin.

use std::collections::{HashMap, HashSet};
use std::mem;

use presence_core::{Error, Id, Status, Update};
use tokio::time::Instant;

use super::subscription::Subscription;

/// How far a snapshot is.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    shard: usize,
    scan: Option<Scan>,
    /// What was given of the shard, which is what the subscriber believes.
    given: HashSet<Id>,
}

/// A listing of one shard under way.
#[derive(Debug)]
struct Scan {
    epoch: String,
    /// The number of the last event before it.
    mark: u64,
    cursor: u64,
    found: HashSet<Id>,
}

impl Snapshot {
    /// Reads some more, and says whether that was all.
    pub(super) async fn turn(&mut self, subscription: &mut Subscription) -> Result<bool, Error> {
        if self.shard == subscription.marks.len() {
            return Ok(true);
        }
        let core = &subscription.core;
        let until = Instant::now() + core.patience();
        let Some(scan) = &mut self.scan else {
            let (life, looked) = core.look(self.shard, until).await?;
            let (epoch, mark) = (life.epoch, looked.last);
            self.scan = Some(Scan { epoch, mark, cursor: 0, found: HashSet::new() });
            return Ok(false);
        };
        let (next, ids) = core.scan(self.shard, scan.cursor, PAGE).await?;
        scan.cursor = next;
        for id in ids {
            if scan.found.insert(id.clone()) && self.given.insert(id.clone()) {
                subscription.ready.push_back(Ok(Update::present(id, Status::Online)));
            }
        }
        if next == 0 {
            self.finish(subscription).await?;
        }
        Ok(false)
    }

    /// Applies what happened during the listing.
    async fn finish(&mut self, subscription: &mut Subscription) -> Result<(), Error> {
        let Some(mut scan) = self.scan.take() else { return Ok(()) };
        let core = &subscription.core;
        let (life, looked) = core.look(self.shard, Instant::now() + core.patience()).await?;
        let mut changed = HashMap::new();
        let mut mark = scan.mark;
        while life.epoch == scan.epoch && mark < looked.last {
            let stretch = core.read_back(self.shard, mark, looked.last).await?;
            if stretch.missed > 0 {
                break;
            }
            mark = stretch.read;
            changed.extend(stretch.records.into_iter().map(|record| (record.id, record.cause.status())));
        }
        if life.epoch != scan.epoch || mark < looked.last {
            // Too much happened, or the data was lost: list it again. What is not found then is
            // taken back.
            return Ok(());
        }
        for (id, status) in changed {
            if status == Status::Online {
                scan.found.insert(id);
            } else {
                scan.found.remove(&id);
            }
        }
        let given = mem::take(&mut self.given);
        let gone = given.difference(&scan.found).map(|id| (id, Status::Offline));
        let come = scan.found.difference(&given).map(|id| (id, Status::Online));
        let updates = gone.chain(come).map(|(id, status)| Ok(Update::present(id.clone(), status)));
        subscription.ready.extend(updates);
        subscription.epochs[self.shard] = life.epoch;
        subscription.marks[self.shard] = looked.last;
        self.shard += 1;
        Ok(())
    }
}

/// How many ids are read at once.
const PAGE: usize = 500;
