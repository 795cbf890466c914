//! A snapshot of who is online, for the beginning of a stream.
//!
//! The ids are listed while the world moves on, and brought up to the position where the changes
//! begin.

use std::collections::{HashMap, HashSet};

use presence_core::{Error, Id, Status, Update};
use tokio::time::Instant;

use super::shared::Shared;

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
    /// Whether all of the shard is listed.
    listed: bool,
}

/// What one turn of a snapshot brought.
#[derive(Debug)]
pub(super) enum Turn {
    /// Some of those who are online.
    Listed(Vec<Update>),
    /// What happened in a shard while it was listed, and where its log goes on.
    Synced { shard: usize, epoch: String, mark: u64, corrections: Vec<Update> },
    /// All shards are told.
    Complete,
}

impl Snapshot {
    /// Reads some more.
    pub(super) async fn turn(&mut self, core: &Shared) -> Result<Turn, Error> {
        if self.shard == core.shards.len() {
            return Ok(Turn::Complete);
        }
        let Some(scan) = &mut self.scan else {
            let (registration, looked) = core.look(self.shard, Instant::now() + core.patience()).await?;
            let (epoch, mark) = (registration.epoch, looked.last);
            self.scan = Some(Scan { epoch, mark, cursor: 0, found: HashSet::new(), listed: false });
            return Ok(Turn::Listed(Vec::new()));
        };
        if scan.listed {
            return self.finish(core).await;
        }
        let (next, ids) = core.scan(self.shard, scan.cursor, PAGE).await?;
        (scan.cursor, scan.listed) = (next, next == 0);
        let mut updates = Vec::new();
        for id in ids {
            if scan.found.insert(id.clone()) && self.given.insert(id.clone()) {
                updates.push(Update::present(id, Status::Online));
            }
        }
        Ok(Turn::Listed(updates))
    }

    /// Finds out what happened during the listing.
    async fn finish(&mut self, core: &Shared) -> Result<Turn, Error> {
        let Some(mut scan) = self.scan.take() else { return Ok(Turn::Listed(Vec::new())) };
        let (registration, looked) = core.look(self.shard, Instant::now() + core.patience()).await?;
        let mut changed = HashMap::new();
        let mut mark = scan.mark;
        while registration.epoch == scan.epoch && mark < looked.last {
            let stretch = core.read_back(self.shard, mark, looked.last).await?;
            if stretch.missed > 0 {
                break;
            }
            mark = stretch.read;
            changed.extend(stretch.records.into_iter().map(|record| (record.id, record.cause.status())));
        }
        if registration.epoch != scan.epoch || mark < looked.last {
            // Too much happened, or the data was lost: list it again. What is not found then is
            // taken back.
            return Ok(Turn::Listed(Vec::new()));
        }
        for (id, status) in changed {
            if status == Status::Online {
                scan.found.insert(id);
            } else {
                scan.found.remove(&id);
            }
        }
        let given = std::mem::take(&mut self.given);
        let gone = given.difference(&scan.found).map(|id| (id, Status::Offline));
        let come = scan.found.difference(&given).map(|id| (id, Status::Online));
        let corrections = gone.chain(come).map(|(id, status)| Update::present(id.clone(), status)).collect();
        let shard = self.shard;
        self.shard += 1;
        Ok(Turn::Synced { shard, epoch: registration.epoch, mark: looked.last, corrections })
    }
}

/// How many ids are read at once.
const PAGE: usize = 500;
