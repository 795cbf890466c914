//! Reading back in a shard's log, in Redis itself.

use presence_core::Error;
use redis::Value;

use super::answer::decode;
use super::ids::{Record, StreamEntry};
use super::shared::Shared;

/// Events in a row.
#[derive(Debug)]
pub(super) struct LogRange {
    pub(super) records: Vec<Record>,
    /// Up to which number this is all there is.
    pub(super) read: u64,
    /// How many events before them are gone.
    pub(super) missed: u64,
}

impl Shared {
    /// Reads a page of the events after `mark` up to `until`.
    pub(super) async fn read_back(&self, shard: usize, mark: u64, until: u64) -> Result<LogRange, Error> {
        let mut range = redis::cmd("XRANGE");
        let log = &self.keys.shards[shard].log;
        range.arg(log).arg(mark + 1).arg("+").arg("COUNT").arg(ENTRIES_MAX);
        let entries = decode::<Vec<(String, Vec<Value>)>>(self.link.query(log, &range).await?)?;
        let full = entries.len() == ENTRIES_MAX;
        let mut stretch = LogRange { records: Vec::new(), read: mark, missed: 0 };
        for (place, entry) in entries.into_iter().enumerate() {
            let entry = StreamEntry::read(entry)?;
            if place == 0 {
                stretch.missed = entry.before().saturating_sub(mark).min(until.saturating_sub(mark));
            }
            stretch.read = entry.last;
            let wanted =
                entry.records.into_iter().filter(|record| record.number > mark && record.number <= until);
            stretch.records.extend(wanted);
            if stretch.read >= until {
                break;
            }
        }
        if !full && stretch.read < until {
            // There is nothing up to there, not even what there was.
            if stretch.read == mark {
                stretch.missed = until - mark;
            }
            stretch.read = until;
        }
        stretch.read = stretch.read.min(until);
        Ok(stretch)
    }
}

const ENTRIES_MAX: usize = 100;
