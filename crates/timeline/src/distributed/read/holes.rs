//! The holes that this node has seen, and since when.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::super::box_id::BoxId;
use super::gap::Gap;
use crate::Seq;

/// The most gaps that are known at once.
///
/// Each is known for little more than the grace. One that finds no room is noted by a later read:
/// a [`Watch`](crate::Watch) that waits at a hole looks every few seconds.
const GAPS_MAX: usize = 10_000;

/// The most gaps that one read tells of; those behind them are met later.
pub(super) const MISSING_MAX: usize = 1_000;

/// The places below committed entries that nobody has written yet.
///
/// A gap is noted as a whole, however long it is, so that all of it is due at once.
#[derive(Debug)]
pub(in crate::distributed) struct Holes {
    grace: Duration,
    noted: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    /// The gaps of each box by their first places; none overlaps another. No box is without one.
    boxes: HashMap<BoxId, Gaps>,
    len: usize,
}

type Gaps = BTreeMap<Seq, NotedGap>;

#[derive(Debug, Clone, Copy)]
struct NotedGap {
    last: Seq,
    first_seen: Instant,
    /// Whether it is so long that only readers who come there close more of it.
    is_left: bool,
}

/// What is known of the holes that a read has met.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Those whose grace is over, ascending.
    pub(super) due: Vec<Gap>,
    /// Whether any of them was not known before.
    pub(super) is_new: bool,
    /// Whether nobody sees to the box: whoever notes the first hole does.
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
    pub(super) fn note(&self, boxed: &BoxId, missing: &[Gap], now: Instant) -> Seen {
        let mut noted = self.noted.lock();
        let noted = &mut *noted;
        if noted.len >= GAPS_MAX {
            noted.drop_left();
        }
        let gaps = noted.boxes.entry(boxed.clone()).or_default();
        let is_attended = gaps.values().any(|gap| !gap.is_left);
        let (mut seen, mut room) = (Seen::default(), GAPS_MAX.saturating_sub(noted.len));
        for gap in missing {
            let known = parts_of(gaps, *gap);
            let is_due = |(_, known): &&(Gap, NotedGap)| known.first_seen + self.grace <= now;
            seen.due.extend(known.iter().filter(is_due).map(|(part, _)| *part));
            for new in unknown(*gap, &known).into_iter().take(room) {
                gaps.insert(new.first, NotedGap { last: new.last, first_seen: now, is_left: false });
                (seen.is_new, room, noted.len) = (true, room - 1, noted.len + 1);
            }
        }
        seen.is_first = seen.is_new && !is_attended;
        if gaps.is_empty() {
            noted.boxes.remove(boxed);
        }
        seen
    }

    /// Returns the gaps of a box whose grace is over, ascending, but those that are left.
    pub(super) fn due(&self, boxed: &BoxId, now: Instant) -> Vec<Gap> {
        let noted = self.noted.lock();
        let gaps = noted.boxes.get(boxed).into_iter().flatten();
        let due = gaps.filter(|(_, gap)| !gap.is_left && gap.first_seen + self.grace <= now);
        due.map(|(first, gap)| Gap { first: *first, last: gap.last }).collect()
    }

    /// Returns when the grace of the first gap of a box is over; none without one that is not left.
    pub(super) fn next_due(&self, boxed: &BoxId) -> Option<Instant> {
        let noted = self.noted.lock();
        let gaps = noted.boxes.get(boxed)?.values();
        gaps.filter(|gap| !gap.is_left).map(|gap| gap.first_seen + self.grace).min()
    }

    /// Leaves what is due of a box to the readers who come there.
    pub(super) fn leave(&self, boxed: &BoxId, now: Instant) {
        let mut noted = self.noted.lock();
        let gaps = noted.boxes.get_mut(boxed).into_iter().flat_map(BTreeMap::values_mut);
        gaps.filter(|gap| gap.first_seen + self.grace <= now).for_each(|gap| gap.is_left = true);
    }

    /// Forgets places that are no holes any more.
    pub(super) fn forget(&self, boxed: &BoxId, closed: Gap) {
        let mut noted = self.noted.lock();
        let noted = &mut *noted;
        let Some(gaps) = noted.boxes.get_mut(boxed) else { return };
        let before = gaps.len();
        for (part, _) in parts_of(gaps, closed) {
            remove(gaps, part);
        }
        noted.len = noted.len + gaps.len() - before;
        if gaps.is_empty() {
            noted.boxes.remove(boxed);
        }
    }

    /// Forgets the holes of a box up to a floor.
    pub(super) fn forget_up_to(&self, boxed: &BoxId, floor: Seq) {
        self.forget(boxed, Gap { first: Seq::ZERO, last: floor });
    }
}

impl Noted {
    /// Forgets the gaps that are left, to make room.
    ///
    /// A reader who comes there notes them anew, and waits for the grace once more.
    fn drop_left(&mut self) {
        for gaps in self.boxes.values_mut() {
            gaps.retain(|_, gap| !gap.is_left);
        }
        self.boxes.retain(|_, gaps| !gaps.is_empty());
        self.len = self.boxes.values().map(BTreeMap::len).sum();
    }
}

/// Returns the parts of a gap that are noted, ascending.
fn parts_of(gaps: &Gaps, gap: Gap) -> Vec<(Gap, NotedGap)> {
    let before = gaps.range(..gap.first).next_back();
    let part = |(first, noted): (&Seq, &NotedGap)| {
        let part = Gap { first: *first, last: noted.last }.shared_with(gap)?;
        Some((part, *noted))
    };
    before.into_iter().chain(gaps.range(gap.first..=gap.last)).filter_map(part).collect()
}

/// Returns the parts of a gap that are not among the known ones, which ascend.
fn unknown(gap: Gap, known: &[(Gap, NotedGap)]) -> Vec<Gap> {
    let (mut unknown, mut next) = (Vec::new(), gap.first);
    for (part, _) in known {
        unknown.extend(Gap::between(next, part.first));
        next = part.last.next();
    }
    unknown.extend(Gap::between(next, gap.last.next()));
    unknown
}

/// Takes a part out of the gap that has it.
fn remove(gaps: &mut Gaps, part: Gap) {
    let Some((first, noted)) = gaps.range(..=part.first).next_back().map(|(first, noted)| (*first, *noted))
    else {
        return;
    };
    gaps.remove(&first);
    let rests = [Gap::between(first, part.first), Gap::between(part.last.next(), noted.last.next())];
    for rest in rests.into_iter().flatten() {
        gaps.insert(rest.first, NotedGap { last: rest.last, ..noted });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemberId;

    const GRACE: Duration = Duration::from_secs(2);

    fn inbox(member: &str) -> BoxId {
        BoxId::inbox(&MemberId::new(member).unwrap())
    }

    fn gap(first: u64, last: u64) -> Gap {
        Gap { first: Seq::new(first).unwrap(), last: Seq::new(last).unwrap() }
    }

    #[test]
    fn a_hole_is_due_when_the_grace_since_it_was_first_seen_is_over() {
        let (holes, a, begin) = (Holes::new(GRACE), inbox("a"), Instant::now());
        let first = holes.note(&a, &[gap(5, 6)], begin);
        assert_eq!(first, Seen { due: vec![], is_new: true, is_first: true });
        let later = begin + GRACE / 2;
        let both = [gap(5, 6), gap(9, 9)];
        assert_eq!(holes.note(&a, &both, later), Seen { due: vec![], is_new: true, is_first: false });
        assert_eq!(holes.next_due(&a), Some(begin + GRACE));
        let third = holes.note(&a, &both, begin + GRACE);
        assert_eq!(third, Seen { due: vec![gap(5, 6)], is_new: false, is_first: false });
        assert_eq!(holes.due(&a, begin + GRACE), [gap(5, 6)]);
        assert_eq!(holes.due(&a, later + GRACE), both);
    }

    #[test]
    fn all_of_a_gap_is_due_at_once_however_long_it_is() {
        let (holes, a, begin) = (Holes::new(GRACE), inbox("a"), Instant::now());
        let all = gap(5, Seq::MAX.get() - 1);
        holes.note(&a, &[all], begin);
        // A writer came in the middle, and a reader begins behind it.
        holes.forget(&a, gap(1_000, 1_000));
        let due = [gap(5, 999), gap(1_001, all.last.get())];
        assert_eq!(holes.due(&a, begin + GRACE), due);
        let behind = gap(2_000, all.last.get());
        let seen = holes.note(&a, &[behind], begin + GRACE);
        assert_eq!(seen, Seen { due: vec![behind], is_new: false, is_first: false });
    }

    #[test]
    fn a_box_without_holes_is_forgotten() {
        let (holes, a, now) = (Holes::new(GRACE), inbox("a"), Instant::now());
        holes.note(&a, &[gap(5, 6), gap(9, 9)], now);
        assert!(holes.note(&inbox("b"), &[gap(5, 5)], now).is_first, "each box has its own");
        holes.forget(&a, gap(5, 5));
        holes.forget(&a, gap(7, 7));
        holes.forget_up_to(&a, gap(6, 6).last);
        assert_eq!(holes.due(&a, now + GRACE), [gap(9, 9)]);
        holes.forget(&a, gap(9, 9));
        assert_eq!((holes.next_due(&a), holes.noted.lock().len), (None, 1));
        assert!(holes.note(&a, &[gap(5, 5)], now).is_first);
    }

    #[test]
    fn what_finds_no_room_is_left_for_a_later_read() {
        let (holes, now) = (Holes::new(GRACE), Instant::now());
        let most = GAPS_MAX as u64;
        let odd: Vec<_> = (0..most + 5).map(|number| gap(2 * number + 1, 2 * number + 1)).collect();
        assert!(holes.note(&inbox("a"), &odd, now).is_first);
        assert_eq!(holes.note(&inbox("b"), &[gap(1, 1)], now), Seen::default());
        assert_eq!(holes.next_due(&inbox("b")), None);
        holes.forget_up_to(&inbox("a"), Seq::MAX);
        assert_eq!(holes.noted.lock().len, 0);
        assert!(holes.note(&inbox("b"), &[gap(1, 1)], now).is_first);
    }

    #[test]
    fn what_is_left_to_readers_is_due_to_them_and_makes_room_for_others() {
        let (holes, a, begin) = (Holes::new(GRACE), inbox("a"), Instant::now());
        let now = begin + GRACE;
        holes.note(&a, &[gap(1, 99)], begin);
        holes.leave(&a, now);
        assert_eq!((holes.next_due(&a), holes.due(&a, now)), (None, vec![]));
        assert_eq!(holes.note(&a, &[gap(1, 99)], now).due, [gap(1, 99)]);
        assert!(holes.note(&a, &[gap(200, 200)], now).is_first, "nobody sees to the box any more");
        let odd: Vec<_> = (500..500 + GAPS_MAX as u64).map(|n| gap(2 * n, 2 * n)).collect();
        holes.note(&inbox("b"), &odd, now);
        holes.note(&inbox("b"), &[gap(1, 1)], now);
        assert_eq!(holes.note(&a, &[gap(1, 99)], now).due, [], "it was forgotten");
    }
}
