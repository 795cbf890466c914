//! Reading back in a room's log, in Redis itself.

use presence_core::Error;
use presence_core::rooms::Room;
use redis::Value;

use super::record::{Record, StreamEntry};
use super::space::RoomSpace;
use crate::leases::answer::decode;
use crate::leases::shared::Shared;

/// Events in a row.
#[derive(Debug)]
pub(super) struct LogRange {
    pub(super) records: Vec<Record>,
    /// Up to which number this is all there is.
    pub(super) read: u64,
    /// Whether events before them are gone, and how many if that is known.
    pub(super) lost: Option<Option<u64>>,
}

impl Shared<RoomSpace> {
    /// Reads a page of the events after `mark` up to `until`; logs were forgotten up to the number
    /// `forgot`.
    pub(super) async fn read_back(
        &self,
        room: &Room,
        mark: u64,
        until: u64,
        forgot: u64,
    ) -> Result<LogRange, Error> {
        let mut stretch = LogRange { records: Vec::new(), read: until, lost: None };
        if mark >= until {
            return Ok(stretch);
        }
        let mut range = redis::cmd("XRANGE");
        let log = self.room_keys(room).log(room);
        range.arg(&log).arg(mark + 1).arg("+").arg("COUNT").arg(ENTRIES_MAX);
        let entries = decode::<Vec<(String, Vec<Value>)>>(self.link.query(&log, &range).await?)?;
        let full = entries.len() == ENTRIES_MAX;
        let mut last = mark;
        for (place, entry) in entries.into_iter().enumerate() {
            let entry = StreamEntry::read(entry)?;
            if place == 0 {
                stretch.lost = lost(&entry, mark, forgot);
            }
            last = entry.last;
            let wanted =
                entry.records.into_iter().filter(|record| record.number > mark && record.number <= until);
            stretch.records.extend(wanted);
            if last >= until {
                return Ok(stretch);
            }
        }
        if full {
            stretch.read = last;
        } else if last == mark && forgot > mark {
            // Nothing is there any more; perhaps there was.
            stretch.lost = Some(None);
        }
        Ok(stretch)
    }
}

/// What is missing between a mark and the first entry that is left.
fn lost(first: &StreamEntry, mark: u64, forgot: u64) -> Option<Option<u64>> {
    if mark >= first.from {
        let missed = first.before().saturating_sub(mark);
        return (missed > 0).then_some(Some(missed));
    }
    // The mark is older than the room as it is now: before that it was empty, or another one that
    // was forgotten.
    (!first.begins() || forgot > mark).then_some(None)
}

const ENTRIES_MAX: usize = 100;
