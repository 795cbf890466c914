//! Whether a reader that has much to read reads fast enough.
//!
//! ```text
//!        over half of its outbox                        at most a quarter waits
//!               │                                                 │
//!               ▼ 0 s    1     2     3     4     5     6          ▼
//! not judged ── ├─────┼─────┼─────┼─────┼─────┼─────┼── … ────────┤ not judged
//!                                             ▲     ▲
//!                     too slow if it took less than 64 KiB a second in the last 5 s
//! ```
//!
//! It ends at a quarter and not at half: a sender that waits goes on as soon as half is there, so
//! that the outbox of a slow reader goes to and fro at that mark.
//!
//! A socket takes nothing while the reader lives off what the system on its side keeps, and then a
//! lump: 250 to 400 KB over the loopback of Linux, every 3 to 5 s at 100 KiB/s. So the largest lump
//! counts once more, for the one that is on its way; and if none came for the whole time, the last
//! one counts for as long as 64 KiB a second make it last.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::outbox::OutboxLoad;

/// What a reader with much to read has to take in a second.
const BYTES_PER_SECOND_MIN: u64 = 64 * 1024;

/// How often it is judged.
const STEP: Duration = Duration::from_secs(1);

/// Over how many steps it is judged.
const MARKS: usize = 5;

/// Judges one reader. It is in a box, as few readers have much to read.
#[derive(Debug, Default)]
pub(crate) struct ReaderPace(Option<Box<PaceWindow>>);

/// What a reader has taken since it has much to read.
#[derive(Debug)]
struct PaceWindow {
    taken: u64,
    /// What it had taken by then, oldest first.
    marks: VecDeque<(Instant, u64)>,
    /// Until when the last lump lasts.
    lasts_until: Instant,
    judged_at: Instant,
}

impl ReaderPace {
    /// Notes how much waits, and how many bytes the reader has just taken.
    pub(crate) fn note(&mut self, load: OutboxLoad, bytes: usize, now: impl FnOnce() -> Instant) {
        match (load, &mut self.0) {
            (OutboxLoad::Light, window) => *window = None,
            (_, Some(window)) => window.taken += bytes as u64,
            (OutboxLoad::OverHalf, none) => *none = Some(Box::new(PaceWindow::new(now()))),
            (OutboxLoad::Behind, None) => {}
        }
    }

    /// Returns when it is judged next, if it is.
    pub(crate) fn judged_at(&self) -> Option<Instant> {
        self.0.as_ref().map(|window| window.judged_at)
    }

    /// Tells whether it took too little, if it is time to judge that.
    pub(crate) fn is_too_slow(&mut self, now: Instant) -> bool {
        self.0.as_mut().is_some_and(|window| now >= window.judged_at && window.judge(now))
    }
}

impl PaceWindow {
    fn new(now: Instant) -> Self {
        Self { taken: 0, marks: VecDeque::from([(now, 0)]), lasts_until: now, judged_at: now + STEP }
    }

    fn judge(&mut self, now: Instant) -> bool {
        let step = self.taken - self.marks.back().map_or(0, |&(_, before)| before);
        if step > 0 {
            self.lasts_until = now + Duration::from_millis(step * 1_000 / BYTES_PER_SECOND_MIN);
        }
        self.marks.push_back((now, self.taken));
        self.judged_at = now + STEP;
        if self.marks.len() <= MARKS {
            return false;
        }
        let too_slow = self.took_too_little(now);
        self.marks.pop_front();
        too_slow
    }

    /// Tells whether it took too little since the oldest mark.
    fn took_too_little(&self, now: Instant) -> bool {
        let steps = self.marks.iter().zip(self.marks.iter().skip(1));
        let largest = steps.map(|((_, before), (_, behind))| behind - before).max().unwrap_or(0);
        if largest == 0 {
            return now >= self.lasts_until;
        }
        let Some(&(since, before)) = self.marks.front() else { return false };
        let time = now.saturating_duration_since(since).as_millis();
        let least = time * u128::from(BYTES_PER_SECOND_MIN) / 1_000;
        u128::from(self.taken - before + largest) < least
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Has a reader take so much each tenth of a second; returns when it is found too slow.
    fn judged(load: impl Fn(u32) -> OutboxLoad, bytes: impl Fn(u32) -> usize) -> Option<u32> {
        let (start, mut pace) = (Instant::now(), ReaderPace::default());
        (0..300).find(|&tenth| {
            let now = start + Duration::from_millis(100) * tenth;
            pace.note(load(tenth), bytes(tenth), || now);
            pace.is_too_slow(now)
        })
    }

    #[test]
    fn who_takes_too_little_for_five_seconds_is_too_slow() {
        let over = |_| OutboxLoad::OverHalf;
        assert_eq!(judged(over, |_| 0), Some(50));
        assert_eq!(judged(over, |_| 3_200), Some(50));
        assert_eq!(judged(over, |_| 6_700), None);
        // It comes in lumps, as a socket takes it.
        assert_eq!(judged(over, |tenth| if tenth % 20 == 5 { 150_000 } else { 0 }), None);
        assert_eq!(judged(over, |tenth| if tenth % 46 == 25 { 261_932 } else { 0 }), None);
        assert_eq!(judged(over, |tenth| if tenth % 58 == 25 { 392_898 } else { 0 }), None);
        let drip = judged(over, |tenth| if tenth % 80 == 25 { 261_932 } else { 0 });
        assert!(drip.is_some_and(|tenth| (75..=105).contains(&tenth)), "{drip:?}");
        // It was fast for long, and then stands still.
        let stops = judged(over, |tenth| if tenth < 100 { 6_700 } else { 0 });
        assert!(stops.is_some_and(|tenth| (110..=150).contains(&tenth)), "{stops:?}");
    }

    #[test]
    fn who_has_little_to_read_is_not_judged() {
        assert_eq!(judged(|_| OutboxLoad::Light, |_| 0), None);
        assert_eq!(judged(|_| OutboxLoad::Behind, |_| 0), None);
        // Senders who wait bring it just above half again and again.
        let at_the_mark = |tenth| if tenth % 10 == 0 { OutboxLoad::OverHalf } else { OutboxLoad::Behind };
        assert_eq!(judged(at_the_mark, |_| 3_200), Some(50));
        let caught_up = |tenth| if tenth % 40 == 39 { OutboxLoad::Light } else { OutboxLoad::OverHalf };
        assert_eq!(judged(caught_up, |_| 0), None);
    }
}
