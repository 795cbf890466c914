//! The sweep over all boxes for entries that are kept no longer.
//!
//! What is kept by number is seen to with each send, too, in `plan.rs`. The sweep finds the boxes
//! that get nothing more, and have more than is kept: less was removed when they got it.

use std::ops::Bound;
use std::time::{Duration, Instant};

use fjall::{Readable as _, Snapshot};

use super::records::Extent;
use super::tables::{Tables, read_error};
use super::{keys, records};
use crate::{Keep, Result, Retention, Seq};

/// How many boxes are looked at in one go, while senders may wait.
///
/// Most of them need one record and the time of their first entry.
const AT_ONCE: usize = if cfg!(test) { 3 } else { 1_000 };

/// How long boxes are looked at in one go, which are few on a slow disk.
const LOOK_MOST: Duration = Duration::from_millis(20);

/// The longest time between the beginnings of two sweeps.
const EVERY_MOST: Duration = Duration::from_secs(60 * 60);

/// How long a sweep is put off after a failure.
const PUT_OFF: Duration = Duration::from_secs(5);

/// A box of which the oldest entries go.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ExpiredBox {
    /// What its keys begin with.
    pub(super) prefix: Vec<u8>,
    /// The last entry that goes.
    pub(super) floor: Seq,
}

/// A sweep over all boxes, again and again, a few at a time.
///
/// The first one begins with the store. Nothing goes before its time, and what is to go goes at
/// most a tenth of the shortest time later, or an hour, and as long as two sweeps take: one that
/// takes longer than the time between two rests as long as it took. Where only numbers are kept,
/// there is one in an hour.
#[derive(Debug)]
pub(super) struct Sweep {
    retention: Retention,
    /// From one beginning to the next; `None` if everything is kept.
    every: Option<Duration>,
    /// The key of the last box that was looked at, while a sweep runs.
    after: Option<Vec<u8>>,
    /// When the sweep goes on, or the next one begins.
    next_at: Instant,
    began_at: Instant,
}

impl Sweep {
    /// Begins the first sweep at once.
    pub(super) fn new(retention: Retention) -> Self {
        let every = (retention != Retention::new())
            .then(|| retention.age_min().map_or(EVERY_MOST, |age| (age / 10).min(EVERY_MOST)));
        let now = Instant::now();
        Self { retention, every, after: None, next_at: now, began_at: now }
    }

    /// Returns whether boxes are to be looked at.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.every.is_some() && now >= self.next_at
    }

    /// Returns when boxes are to be looked at next, unless everything is kept.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.every.map(|_| self.next_at)
    }

    /// Looks at the next boxes, and returns those of which entries go.
    ///
    /// After an error it is tried again a little later.
    pub(super) fn next(&mut self, tables: &Tables, now_ms: u64) -> Result<Vec<ExpiredBox>> {
        let Some(every) = self.every else { return Ok(Vec::new()) };
        let now = Instant::now();
        if self.after.is_none() {
            self.began_at = now;
        }
        self.next_at = now + PUT_OFF;
        let (expired, last) = self.look(tables, now_ms, now + LOOK_MOST)?;
        self.next_at = if last.is_some() { now } else { now + self.rest(every, now) };
        self.after = last;
        Ok(expired)
    }

    /// Returns how long a sweep rests that ends now.
    fn rest(&self, every: Duration, now: Instant) -> Duration {
        let took = now.duration_since(self.began_at);
        // Without a rest, senders would wait for a part of a sweep after each batch.
        every.saturating_sub(took).max(took)
    }

    /// Begins anew a little later: what was found last may not have been written.
    pub(super) fn begin_anew(&mut self) {
        if self.every.is_some() {
            (self.after, self.next_at) = (None, Instant::now() + PUT_OFF);
        }
    }

    /// Looks at boxes behind the last one, at least at one of them.
    ///
    /// It returns the last of these unless they were all.
    fn look(
        &self,
        tables: &Tables,
        now_ms: u64,
        until: Instant,
    ) -> Result<(Vec<ExpiredBox>, Option<Vec<u8>>)> {
        let (snapshot, mut expired, all) = (tables.snapshot(), Vec::new(), keys::extents());
        let first = match &self.after {
            Some(after) => Bound::Excluded(after.clone()),
            None => Bound::Included(all.start.to_vec()),
        };
        let boxes = (first, Bound::Excluded(all.end.to_vec()));
        for (looked_at, guard) in snapshot.range(&tables.state, boxes).enumerate() {
            let (key, record) = guard.into_inner().map_err(read_error)?;
            let (prefix, extent) = (keys::box_of_extent(&key), records::decode_extent(&record)?);
            if let Some(floor) = self.expired(tables, &snapshot, prefix, extent, now_ms)? {
                expired.push(ExpiredBox { prefix: prefix.to_vec(), floor });
            }
            if looked_at + 1 == AT_ONCE || Instant::now() >= until {
                return Ok((expired, Some(key.to_vec())));
            }
        }
        Ok((expired, None))
    }

    /// Returns the last entry of a box that goes, if one does.
    fn expired(
        &self,
        tables: &Tables,
        snapshot: &Snapshot,
        prefix: &[u8],
        extent: Extent,
        now_ms: u64,
    ) -> Result<Option<Seq>> {
        if extent.floor == extent.top {
            return Ok(None);
        }
        let keep = self.keep(prefix)?;
        let by_age = expired_by_age(tables, snapshot, (prefix, extent), keep, now_ms)?;
        Ok(by_age.max(floor_by_number(keep, extent)))
    }

    fn keep(&self, prefix: &[u8]) -> Result<Keep> {
        if keys::is_history(prefix) {
            Ok(self.retention.of_history(&keys::conversation(prefix)?))
        } else {
            Ok(self.retention.of_inboxes())
        }
    }
}

/// Returns up to where a box goes that has more entries than it keeps.
pub(super) fn floor_by_number(keep: Keep, extent: Extent) -> Option<Seq> {
    let (limit, entries) = (keep.entries_limit()?, keep.entries_min()?);
    let (floor, top) = (extent.floor.get(), extent.top.get());
    if top.saturating_sub(floor) <= limit {
        return None;
    }
    Seq::new(top.saturating_sub(entries)).ok()
}

/// Returns the last entry of a box that is as old as it is kept, if one is.
fn expired_by_age(
    tables: &Tables,
    snapshot: &Snapshot,
    (prefix, extent): (&[u8], Extent),
    keep: Keep,
    now_ms: u64,
) -> Result<Option<Seq>> {
    let Some(age) = keep.age_max() else { return Ok(None) };
    let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    // What was taken at this time or before is as old as it is kept.
    let Some(last_ms) = now_ms.checked_sub(age_ms) else { return Ok(None) };
    let first_ms = tables.time_of(snapshot, prefix, extent.floor.next())?;
    // In an inbox what is ahead of the clock does not keep what is behind it.
    let is_history = keys::is_history(prefix);
    let is_ahead = first_ms > now_ms && !is_history;
    if first_ms > last_ms && !is_ahead {
        return Ok(None);
    }
    let kept = if tables.last_time(snapshot, prefix, extent)? <= last_ms {
        extent.top.next()
    } else if is_history {
        tables.first_since(snapshot, prefix, extent, last_ms + 1)?
    } else {
        tables.first_taken_after(snapshot, prefix, extent, (last_ms, now_ms))?
    };
    let floor = Seq::new(kept.get() - 1)?;
    Ok((floor > extent.floor).then_some(floor))
}

#[cfg(test)]
mod tests;
