//! The holes that this node has seen, and since when.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::super::box_id::BoxId;
use crate::Seq;

/// The most holes that are known at once.
///
/// Each is known for little more than the grace. One that finds no room is noted by a later read.
const HOLES_MAX: usize = 10_000;

/// The most holes that one read tells of; those behind them are met later.
pub(super) const MISSING_MAX: usize = 1_000;

/// The sequences below committed entries that nobody has written yet.
#[derive(Debug)]
pub(in crate::distributed) struct Holes {
    grace: Duration,
    noted: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    /// When each hole was first seen. No box is without one.
    boxes: HashMap<BoxId, BTreeMap<Seq, Instant>>,
    len: usize,
}

/// What is known of the holes that a read has met.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Those whose grace is over, ascending.
    pub(super) due: Vec<Seq>,
    /// Whether any of them was not known before.
    pub(super) is_new: bool,
    /// Whether no hole of the box was known before: whoever notes the first sees to the box.
    pub(super) is_first: bool,
}

impl Holes {
    pub(in crate::distributed) fn new(grace: Duration) -> Self {
        metrics::describe_counter!(
            "timeline_holes_closed_total",
            "Places in boxes that were given out, never written, and closed by a tombstone."
        );
        Self { grace, noted: Mutex::default() }
    }

    /// Notes holes that a read of the primary has met.
    pub(super) fn note(&self, boxed: &BoxId, missing: &[Seq], now: Instant) -> Seen {
        let mut noted = self.noted.lock();
        let mut seen = Seen { is_first: !noted.boxes.contains_key(boxed), ..Seen::default() };
        let room = HOLES_MAX.saturating_sub(noted.len);
        let holes = noted.boxes.entry(boxed.clone()).or_default();
        let mut added = 0;
        for seq in missing {
            match holes.get(seq) {
                Some(first_seen) if *first_seen + self.grace <= now => seen.due.push(*seq),
                Some(_) => {}
                None if added < room => {
                    holes.insert(*seq, now);
                    added += 1;
                }
                None => break,
            }
        }
        if holes.is_empty() {
            noted.boxes.remove(boxed);
            seen.is_first = false;
        }
        noted.len += added;
        seen.is_new = added > 0;
        seen
    }

    /// Returns the holes of a box whose grace is over, ascending.
    pub(super) fn due(&self, boxed: &BoxId, now: Instant) -> Vec<Seq> {
        let noted = self.noted.lock();
        let holes = noted.boxes.get(boxed).into_iter().flatten();
        holes.filter(|(_, first_seen)| **first_seen + self.grace <= now).map(|(seq, _)| *seq).collect()
    }

    /// Returns when the grace of the first hole of a box is over; none without a hole.
    pub(super) fn next_due(&self, boxed: &BoxId) -> Option<Instant> {
        let noted = self.noted.lock();
        noted.boxes.get(boxed)?.values().min().map(|first_seen| *first_seen + self.grace)
    }

    /// Returns when the grace of a hole is over; a hole that is not known begins now.
    pub(super) fn due_at(&self, boxed: &BoxId, seq: Seq, now: Instant) -> Instant {
        let noted = self.noted.lock();
        let first_seen = noted.boxes.get(boxed).and_then(|holes| holes.get(&seq)).copied();
        first_seen.unwrap_or(now) + self.grace
    }

    /// Forgets holes that are none any more.
    pub(super) fn forget(&self, boxed: &BoxId, closed: &[Seq]) {
        let mut noted = self.noted.lock();
        let Some(holes) = noted.boxes.get_mut(boxed) else { return };
        let removed = closed.iter().filter(|seq| holes.remove(*seq).is_some()).count();
        if holes.is_empty() {
            noted.boxes.remove(boxed);
        }
        noted.len -= removed;
    }

    /// Forgets the holes of a box up to a floor.
    pub(super) fn forget_up_to(&self, boxed: &BoxId, floor: Seq) {
        let freed = {
            let noted = self.noted.lock();
            let holes = noted.boxes.get(boxed).into_iter().flat_map(|holes| holes.range(..=floor));
            holes.map(|(seq, _)| *seq).collect::<Vec<_>>()
        };
        self.forget(boxed, &freed);
    }
}

/// Returns the sequences from `first` to the one before `end`.
pub(super) fn missing(first: Seq, end: Seq) -> impl DoubleEndedIterator<Item = Seq> {
    (first.get()..end.get()).filter_map(|number| Seq::new(number).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemberId;

    const GRACE: Duration = Duration::from_secs(2);

    fn inbox(member: &str) -> BoxId {
        BoxId::inbox(&MemberId::new(member).unwrap())
    }

    fn seqs(numbers: impl IntoIterator<Item = u64>) -> Vec<Seq> {
        numbers.into_iter().map(|number| Seq::new(number).unwrap()).collect()
    }

    #[test]
    fn a_hole_is_due_when_the_grace_since_it_was_first_seen_is_over() {
        let (holes, a, begin) = (Holes::new(GRACE), inbox("a"), Instant::now());
        let first = holes.note(&a, &seqs([5, 6]), begin);
        assert_eq!(first, Seen { due: vec![], is_new: true, is_first: true });
        let later = begin + GRACE / 2;
        let second = holes.note(&a, &seqs([5, 6, 9]), later);
        assert_eq!(second, Seen { due: vec![], is_new: true, is_first: false });
        assert_eq!(holes.next_due(&a), Some(begin + GRACE));
        let third = holes.note(&a, &seqs([5, 6, 9]), begin + GRACE);
        assert_eq!(third, Seen { due: seqs([5, 6]), is_new: false, is_first: false });
        assert_eq!(holes.due(&a, begin + GRACE), seqs([5, 6]));
        assert_eq!(holes.due(&a, later + GRACE), seqs([5, 6, 9]));
        assert_eq!(holes.due_at(&a, seqs([9])[0], begin), later + GRACE);
        assert_eq!(holes.due_at(&a, seqs([7])[0], begin), begin + GRACE);
    }

    #[test]
    fn a_box_without_holes_is_forgotten() {
        let (holes, a, now) = (Holes::new(GRACE), inbox("a"), Instant::now());
        holes.note(&a, &seqs([5, 6, 9]), now);
        assert!(holes.note(&inbox("b"), &seqs([5]), now).is_first, "each box has its own");
        holes.forget(&a, &seqs([5, 7]));
        holes.forget_up_to(&a, seqs([6])[0]);
        assert_eq!(holes.due(&a, now + GRACE), seqs([9]));
        holes.forget(&a, &seqs([9]));
        assert_eq!((holes.next_due(&a), holes.noted.lock().len), (None, 1));
        assert!(holes.note(&a, &seqs([5]), now).is_first);
    }

    #[test]
    fn what_finds_no_room_is_left_for_a_later_read() {
        let (holes, now) = (Holes::new(GRACE), Instant::now());
        let most = HOLES_MAX as u64;
        assert!(holes.note(&inbox("a"), &seqs(1..=most + 5), now).is_first);
        assert_eq!(holes.note(&inbox("b"), &seqs([1]), now), Seen::default());
        assert_eq!(holes.next_due(&inbox("b")), None);
        holes.forget_up_to(&inbox("a"), seqs([most])[0]);
        assert_eq!(holes.noted.lock().len, 0);
        assert!(holes.note(&inbox("b"), &seqs([1]), now).is_first);
    }

    #[test]
    fn what_is_missing_lies_before_what_is_there() {
        let [four, seven] = [4, 7].map(|number| Seq::new(number).unwrap());
        assert_eq!(missing(four, seven).collect::<Vec<_>>(), seqs([4, 5, 6]));
        assert_eq!(missing(seven, seven).count(), 0);
    }
}
