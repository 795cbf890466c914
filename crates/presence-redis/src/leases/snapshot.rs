//! A snapshot of who is there, for the beginning of a stream.
//!
//! They are listed while the world moves on, and brought up to the position where the changes
//! begin, one log after the other:
//!
//! ```text
//!   look: epoch, last number ──► scan, page by page ──► look again, and read what happened since the first look
//!        ▲                                                │ all of it is there: corrected, on to the next log
//!        └──── another epoch, or events that are gone ────┘
//! ```

use std::collections::{HashMap, HashSet};
use std::mem;

use presence_core::feed::Ready;
use presence_core::{Error, Id};

use super::log_range::LogRange;
use super::logs::{Logs, UpdateOf};
use super::missed::Missed;
use super::record::Happening;

/// How far a snapshot is.
#[derive(Debug, Default)]
pub(super) struct Snapshot {
    log: usize,
    scan: Option<Scan>,
    /// The names of this log that were given: the subscriber takes them for online.
    given: HashSet<Id>,
}

/// A listing of one log's holders under way.
#[derive(Debug)]
struct Scan {
    epoch: String,
    /// The number of the last event before it.
    mark: u64,
    cursor: u64,
    found: HashSet<Id>,
}

/// One log of which all is given, and where its changes begin.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) log: usize,
    pub(super) epoch: String,
    pub(super) mark: u64,
}

impl Snapshot {
    /// Reads some more, and says so if a log is complete by that.
    pub(super) async fn turn<L: Logs>(
        &mut self,
        logs: &L,
        ready: &mut Ready<UpdateOf<L>>,
    ) -> Result<Option<Listed>, Error> {
        let Some(scan) = &mut self.scan else {
            let (registration, looked) = logs.look(self.log).await?;
            let (epoch, mark) = (registration.epoch, looked.last);
            self.scan = Some(Scan { epoch, mark, cursor: 0, found: HashSet::new() });
            return Ok(None);
        };
        let (next, present) = logs.scan(self.log, scan.cursor, PAGE).await?;
        scan.cursor = next;
        for (id, update) in present {
            if scan.found.insert(id.clone()) && (self.given.insert(id) || L::What::SHOWS) {
                ready.push_back(Ok(update));
            }
        }
        if next == 0 { self.finish(logs, ready).await } else { Ok(None) }
    }

    /// Applies what happened during the listing.
    async fn finish<L: Logs>(
        &mut self,
        logs: &L,
        ready: &mut Ready<UpdateOf<L>>,
    ) -> Result<Option<Listed>, Error> {
        let Some(Scan { epoch, mut mark, mut found, .. }) = self.scan.take() else { return Ok(None) };
        let (registration, looked) = logs.look(self.log).await?;
        // Of each name only the last change counts.
        let mut changed = HashMap::new();
        while registration.epoch == epoch && mark < looked.last {
            let range = LogRange::read(logs, self.log, mark, looked.last).await?;
            if range.missed != Missed::Nothing {
                break;
            }
            mark = range.read;
            changed.extend(range.records.into_iter().map(L::What::correction));
        }
        if registration.epoch != epoch || mark < looked.last {
            // Too much happened meanwhile, or the data was lost, so the log is listed again. A name
            // that was given and is not found then is taken back.
            return Ok(None);
        }
        for (id, update) in changed {
            let Some(update) = update else {
                found.remove(&id);
                continue;
            };
            found.insert(id.clone());
            if self.given.insert(id) || L::What::SHOWS {
                ready.push_back(Ok(update));
            }
        }
        // Taken back are names that went during this listing, and those that only an earlier
        // listing of this log had found.
        let given = mem::take(&mut self.given);
        ready.extend(given.difference(&found).map(|id| Ok(L::What::absent(id.clone()))));
        let log = self.log;
        self.log += 1;
        Ok(Some(Listed { log, epoch: registration.epoch, mark: looked.last }))
    }
}

/// How many are read at once.
const PAGE: usize = 500;
