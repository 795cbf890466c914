//! Whether a reader that has much to read reads fast enough.
//!
//! ```text
//!            over half of its outbox        half or less        over half      at most a quarter
//!                 │                              │                  │                 │
//!                 ▼ 0 s    1     2     3     4   ▼                  ▼  5     6        ▼
//! not judged ──── ├─────┼─────┼─────┼─────┼──────┤ not judged ····· ├──┼─────┼── … ──┤ not judged
//!                                                                      ▲  ▲  ▲
//!                      too slow if it took less than 64 KiB a second, over 5 s or longer
//! ```
//!
//! What counts is the time in which more than half of its outbox waits. It stops while that is no
//! more than half, and starts again from zero at a quarter: a sender that waits goes on as soon as
//! half is there, so that the outbox of a slow reader goes to and fro at that mark, and the time
//! would start again for ever. What is taken while the time stands still is to the reader's credit:
//! it is the rest of a lump that brought it there.
//!
//! A socket takes nothing while the reader lives off what the system on its side keeps, and then a
//! lump: 250 to 400 KB over the loopback of Linux, every 3 to 5 s at 100 KiB/s. So each time over
//! which it is judged begins right behind a lump, and the lump that is on its way is allowed for:
//! it may be as large as the largest of the last 20 s, but not more than twice the largest of the
//! time that is judged. Before the first one nobody knows how much of what the socket has taken its
//! reader still has to read. It may be all, so what it took from its beginning on counts as a lump
//! then, up to 448 KiB. A reader is too slow if, behind any lump of the last 20 s,
//!
//! ```text
//! bytes taken + allowance < 64 KiB/s · time    and    time is 5 s or more
//! ```
//!
//! Nor does the time count by which the hub itself is late to judge, as on a machine that has too
//! much to do or was stopped: nobody knows whether it would have written meanwhile.
//!
//! **Slack.** Who takes 64 KiB a second or more, evenly or in equal lumps of up to 448 KiB, is
//! never too slow. Who takes less than nine tenths of that evenly is too slow within 6 s; in lumps,
//! when the next one is overdue; and who takes nothing more, within 7.5 s. Of those between some
//! are found later, and some are not. Such times are those over half.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::outbox::OutboxLoad;

/// What a reader with much to read has to take in a second.
const BYTES_PER_SECOND_MIN: u128 = 64 * 1024;

/// Over how much time it is judged, at least.
const LEAST: Duration = Duration::from_secs(5);

/// How often it is judged.
const STEP: Duration = Duration::from_millis(500);

/// For how long lumps are remembered.
const MEMORY: Duration = Duration::from_secs(20);

/// What is taken within so long from its first byte on is one lump.
const LUMP: Duration = Duration::from_millis(250);

/// What is allowed for in any case: half a second at the least pace.
const ALLOWANCE_MIN: u64 = 32 * 1024;

/// What a socket is believed to hold at most for its reader when the time begins: a little more
/// than the largest lump that was seen.
const HELD_MAX: u64 = 448 * 1024;

/// Judges one reader.
#[derive(Debug, Default)]
pub(crate) struct ReaderPace {
    /// In a box, as few readers have much to read.
    window: Option<Box<PaceWindow>>,
    /// What its socket has taken from the beginning on, as far as there is room for the number.
    taken: u32,
}

/// What a reader has taken since it has much to read.
#[derive(Debug)]
struct PaceWindow {
    /// Oldest first; the newest stays whatever its age. At most one for each [`LUMP`] of
    /// [`MEMORY`], and one more.
    lumps: VecDeque<Lump>,
    judged_at: Instant,
    /// How long no more than half of its outbox has waited since, or the hub was late. All other
    /// times in here leave that out.
    below: Duration,
    /// Since when no more than half waits, if it is so.
    below_since: Option<Instant>,
}

/// What a reader took almost at once.
#[derive(Debug)]
struct Lump {
    /// What is taken before this time belongs to it.
    until: Instant,
    last: Instant,
    bytes: u64,
}

impl ReaderPace {
    /// Notes how much waits, and how many bytes the reader has just taken.
    pub(crate) fn note(&mut self, load: OutboxLoad, bytes: usize, now: impl FnOnce() -> Instant) {
        self.taken = self.taken.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        let bytes = bytes as u64;
        match (load, &mut self.window) {
            (OutboxLoad::Light, window) => *window = None,
            (load, Some(window)) => window.note(load == OutboxLoad::OverHalf, bytes, now),
            (OutboxLoad::OverHalf, none) => {
                let held = u64::from(self.taken).min(HELD_MAX).max(bytes);
                *none = Some(Box::new(PaceWindow::new(held, now())));
            }
            (OutboxLoad::Behind, None) => {}
        }
    }

    /// Returns when it is judged next, if it is.
    pub(crate) fn judged_at(&self) -> Option<Instant> {
        let window = self.window.as_ref().filter(|window| window.is_over());
        window.map(|window| window.judged_at + window.below)
    }

    /// Tells whether it took too little, if it is time to judge that.
    pub(crate) fn is_too_slow(&mut self, now: Instant) -> bool {
        let Some(window) = self.window.as_mut().filter(|window| window.is_over()) else { return false };
        window.leave_out_delay(now);
        let now = now - window.below;
        window.judge(now)
    }
}

impl PaceWindow {
    /// Begins with what the socket may hold, which the reader may still live off.
    fn new(held: u64, now: Instant) -> Self {
        let lumps = VecDeque::from([Lump { until: now, last: now, bytes: held }]);
        Self { lumps, judged_at: now + STEP, below: Duration::ZERO, below_since: None }
    }

    /// Tells whether more than half waits.
    const fn is_over(&self) -> bool {
        self.below_since.is_none()
    }

    fn note(&mut self, is_over: bool, bytes: u64, now: impl FnOnce() -> Instant) {
        if bytes == 0 && is_over == self.is_over() {
            return;
        }
        let now = now();
        if self.is_over() {
            self.leave_out_delay(now);
        }
        // What brought it to half was taken above.
        self.add(bytes, self.below_since.unwrap_or(now) - self.below);
        if !is_over {
            self.below_since.get_or_insert(now);
        } else if let Some(since) = self.below_since.take() {
            self.below += now - since;
        }
    }

    /// Leaves out the time for which it should have been judged and was not.
    fn leave_out_delay(&mut self, now: Instant) {
        self.below += now.saturating_duration_since(self.judged_at + self.below);
    }

    fn add(&mut self, bytes: u64, now: Instant) {
        if bytes == 0 {
            return;
        }
        match self.lumps.back_mut().filter(|lump| now < lump.until) {
            Some(lump) => (lump.last, lump.bytes) = (now, lump.bytes + bytes),
            None => self.lumps.push_back(Lump { until: now + LUMP, last: now, bytes }),
        }
        while self.lumps.len() > 1 && self.lumps.front().is_some_and(|lump| lump.last + MEMORY < now) {
            self.lumps.pop_front();
        }
    }

    fn judge(&mut self, now: Instant) -> bool {
        if now < self.judged_at {
            return false;
        }
        self.judged_at = now + STEP;
        self.took_too_little(now)
    }

    /// Tells whether it took too little since any of the lumps.
    fn took_too_little(&self, now: Instant) -> bool {
        let largest = self.lumps.iter().map(|lump| lump.bytes).max().unwrap_or(0);
        let (mut taken, mut largest_since) = (0, 0);
        self.lumps.iter().rev().any(|lump| {
            largest_since = lump.bytes.max(largest_since);
            let allowance = largest.min(largest_since * 2).max(ALLOWANCE_MIN);
            let time = now.saturating_duration_since(lump.last);
            let least = time.as_millis() * BYTES_PER_SECOND_MIN / 1_000;
            let too_little = time >= LEAST && u128::from(taken + allowance) < least;
            taken += lump.bytes;
            too_little
        })
    }
}

#[cfg(test)]
mod tests;
