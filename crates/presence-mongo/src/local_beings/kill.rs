//! A being that is to be dead.

use std::iter::once;

use tokio::time::Instant;

use crate::newcomer::Killed;
use crate::slots::{Period, Sequence, TimeSlot};

/// How many slots ahead of the clock may hold a bit that counts once, after it was set back: those
/// beyond are removed by the pruning that follows that.
const AHEAD_MAX: i64 = 6;

/// A being that is to be dead.
#[derive(Debug)]
pub(super) struct Kill {
    pub(super) sequence: Sequence,
    /// The slot in which its bit was written last; `None` if it never had one: it gets both bits.
    pub(super) last: Option<TimeSlot>,
    /// The latest slot that may have its bit: it lies ahead after the server's clock was set back.
    pub(super) latest: Option<TimeSlot>,
    pub(super) until: Instant,
    pub(super) reply: Killed,
}

impl Kill {
    /// Returns the kill of a being that never had a bit.
    pub(super) fn unpinged(sequence: Sequence, until: Instant, reply: Killed) -> Self {
        Self { sequence, last: None, latest: None, until, reply }
    }

    /// Returns the slots in which it has to be dead, by the current one; some may come twice.
    ///
    /// The first is where its last bit is, as long as that slot counts. The others are the current
    /// one and those ahead, if they were written before the clock was set back: its bits there
    /// would outlast its death.
    pub(super) fn slots(&self, period: Period, slot: TimeSlot) -> impl Iterator<Item = TimeSlot> {
        // An older slot is read by nobody: a kill that was tried for so long would not be seen.
        let first = self.last.map_or(slot, |last| last.clamp(period.before(slot), slot));
        let ahead = (0..=AHEAD_MAX).map(move |by| period.later(slot, by));
        once(first).chain(ahead.take_while(move |at| self.latest.is_some_and(|latest| *at <= latest)))
    }
}
