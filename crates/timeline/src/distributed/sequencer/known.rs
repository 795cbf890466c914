//! What this process knows of the ends of boxes.

use std::fmt;
use std::time::Duration;

use super::{Reserved, Want};
use crate::Seq;
use crate::distributed::box_id::BoxId;
use crate::distributed::hold::COMPARED;
use crate::distributed::moment::Moment;
use crate::distributed::tops::Top;
use parking_lot::Mutex;
use quick_cache::unsync::Cache;

/// What is known of the end of a box; the moments are those of this machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// The highest sequence that there is, or that this process has given out.
    pub(super) top: Seq,
    /// The time of the last entry, in milliseconds since 1970.
    pub(super) at_ms: u64,
    pub(super) floor: Seq,
    /// When the store was read last, at the latest.
    read: Moment,
    /// The round of Redis in which its counter was compared with the store last.
    compared: Option<u64>,
}

/// Whether the store is read before sequences are given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Where what is known is too old.
    IfNeeded,
    Always,
}

/// How long what was read is good for "the last entry + 1".
///
/// After it a sequence is used within less than the time for which nothing is removed behind a
/// floor, as [`hold`](crate::distributed::hold) says, so that no entry is put where one was
/// removed.
const FRESH: Duration = Duration::from_secs(60);

/// How long a reservation takes at most that goes by what was known before it.
const RESERVED_WITHIN: Duration = Duration::from_secs(45);

// What was read is used no later than a counter that was compared with the store.
const _: () = assert!(FRESH.as_secs() + RESERVED_WITHIN.as_secs() <= COMPARED.as_secs());

impl Reading {
    /// Whether what a reservation that took so long gave out can still be used.
    ///
    /// It counts from its beginning, before which nothing that is used was read earlier than
    /// [`COMPARED`].
    pub(super) fn is_good_after(self, took: Duration) -> bool {
        match self {
            Self::IfNeeded => took < RESERVED_WITHIN,
            Self::Always => took < COMPARED,
        }
    }
}

impl Known {
    /// Creates what is known after a reading that began then.
    pub(super) fn read(top: Top, began: Moment) -> Self {
        Self { top: top.seq.max(top.floor), at_ms: top.at_ms, floor: top.floor, read: began, compared: None }
    }

    /// Whether the sequence behind the top can be given out without another reading.
    pub(super) fn is_fresh(&self, now: Moment) -> bool {
        now.since(self.read) < FRESH
    }

    /// Whether the counter of Redis was compared with the store in this round.
    pub(super) fn is_compared(&self, round: u64, now: Moment) -> bool {
        self.compared == Some(round) && now.since(self.read) < COMPARED
    }

    fn and(self, other: Self) -> Self {
        Self {
            top: self.top.max(other.top),
            at_ms: self.at_ms.max(other.at_ms),
            floor: self.floor.max(other.floor),
            read: self.read.max(other.read),
            compared: self.compared.max(other.compared),
        }
    }

    fn give(&mut self, count: u64, now_ms: u64) -> Reserved {
        let first = self.top.next();
        self.top = Seq::new(self.top.get().saturating_add(count)).unwrap_or(Seq::MAX);
        self.at_ms = self.at_ms.max(now_ms);
        Reserved { first, at_ms: self.at_ms, floor_hint: self.floor }
    }
}

/// The ends of the boxes that were used last.
pub(super) struct KnownTops {
    boxes: Mutex<Cache<BoxId, Known>>,
}

/// How many boxes are known.
const BOXES_MAX: usize = 100_000;

impl KnownTops {
    pub(super) fn new() -> Self {
        Self { boxes: Mutex::new(Cache::new(BOXES_MAX)) }
    }

    pub(super) fn get(&self, boxed: &BoxId) -> Option<Known> {
        self.boxes.lock().get(boxed).copied()
    }

    /// Takes note of what was read, and returns it with what was known.
    pub(super) fn learn(&self, boxed: &BoxId, read: Known) -> Known {
        let mut boxes = self.boxes.lock();
        let known = boxes.peek(boxed).map_or(read, |known| known.and(read));
        boxes.insert(boxed.clone(), known);
        known
    }

    /// Gives out the sequences behind the ends of boxes, which are at least these ends.
    ///
    /// It is one step: of two calls at the same time, one is before the other in each of their
    /// boxes, so that what follows in a history follows in the inboxes.
    pub(super) fn take(&self, wants: &[Want<'_>], ends: &[Known], now_ms: u64) -> Vec<Reserved> {
        let mut boxes = self.boxes.lock();
        let wanted = wants.iter().zip(ends);
        let give = wanted.map(|(want, end)| {
            let mut known = boxes.peek(want.boxed).map_or(*end, |known| known.and(*end));
            let reserved = known.give(want.count, now_ms);
            boxes.insert(want.boxed.clone(), known);
            reserved
        });
        give.collect()
    }

    /// Takes note of an entry, or of a sequence that was given out, of a box that is known.
    pub(super) fn raise(&self, boxed: &BoxId, seq: Seq, at_ms: u64) {
        if let Some(mut known) = self.boxes.lock().get_mut(boxed) {
            known.top = known.top.max(seq);
            known.at_ms = known.at_ms.max(at_ms);
        }
    }

    /// Takes note that the counter of Redis was compared with the store.
    pub(super) fn compared(&self, boxed: &BoxId, round: u64) {
        if let Some(mut known) = self.boxes.lock().get_mut(boxed) {
            known.compared = known.compared.max(Some(round));
        }
    }
}

impl fmt::Debug for KnownTops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownTops").field("boxes", &self.boxes.lock().len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemberId;

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    fn inbox(name: &str) -> BoxId {
        BoxId::inbox(&MemberId::new(name).unwrap())
    }

    fn read(top: u64, at_ms: u64, floor: u64) -> Known {
        Known::read(Top { seq: seq(top), at_ms, floor: seq(floor) }, Moment::now())
    }

    /// Takes sequences of one box.
    fn take(tops: &KnownTops, want: Want<'_>, end: Known, now_ms: u64) -> Reserved {
        tops.take(&[want], &[end], now_ms)[0]
    }

    #[test]
    fn what_was_given_out_is_not_given_out_again_before_it_is_committed() {
        let (tops, alice) = (KnownTops::new(), inbox("alice"));
        let want = Want { boxed: &alice, count: 3 };
        let first = take(&tops, want, read(10, 500, 4), 400);
        assert_eq!(first, Reserved { first: seq(11), at_ms: 500, floor_hint: seq(4) });
        // The store has no more than before, and the clock has gone on.
        assert_eq!(take(&tops, want, read(10, 500, 4), 600).first, seq(14));
        assert_eq!(take(&tops, want, read(10, 500, 4), 500).at_ms, 600);
        // Others have written meanwhile.
        assert_eq!(take(&tops, want, read(40, 0, 4), 0).first, seq(41));
    }

    #[test]
    fn sequences_are_above_the_floor_and_above_what_was_seen() {
        let (tops, alice) = (KnownTops::new(), inbox("alice"));
        let want = Want { boxed: &alice, count: 1 };
        assert_eq!(take(&tops, want, read(0, 0, 7), 0).first, seq(8));
        tops.raise(&alice, seq(20), 900);
        let reserved = take(&tops, want, read(0, 0, 7), 0);
        assert_eq!((reserved.first, reserved.at_ms), (seq(21), 900));
        // A box that nobody writes to takes no place.
        tops.raise(&inbox("bob"), seq(1), 0);
        assert!(tops.get(&inbox("bob")).is_none());
    }

    #[test]
    fn what_is_known_grows_too_old() {
        let (tops, alice) = (KnownTops::new(), inbox("alice"));
        let learned = tops.learn(&alice, read(1, 0, 0)).read;
        tops.compared(&alice, 5);
        let known = || tops.get(&alice).unwrap();
        assert!(known().is_fresh(learned) && known().is_compared(5, learned));
        assert!(!known().is_compared(6, learned), "there was another connection");
        // What this process writes says nothing of what others did.
        let later = learned + FRESH;
        tops.raise(&alice, seq(2), 0);
        assert!(!known().is_fresh(later) && known().is_compared(5, later));
        // Also if the machine was suspended all the while.
        let latest = learned + COMPARED;
        assert!(!known().is_compared(5, latest));
        let end = Top { seq: seq(1), ..Top::default() };
        let again = tops.learn(&alice, Known::read(end, latest));
        assert!(again.is_fresh(latest) && again.top == seq(2));
    }

    #[test]
    fn a_call_takes_of_all_its_boxes_in_the_order_in_which_it_wants_them() {
        let (tops, alice, bob) = (KnownTops::new(), inbox("alice"), inbox("bob"));
        let wants = [Want { boxed: &bob, count: 2 }, Want { boxed: &alice, count: 1 }];
        let firsts = |ends: [Known; 2]| -> Vec<Seq> {
            tops.take(&wants, &ends, 0).into_iter().map(|reserved| reserved.first).collect()
        };
        assert_eq!(firsts([read(4, 0, 0), read(9, 0, 0)]), [seq(5), seq(10)]);
        assert_eq!(firsts([read(0, 0, 0); 2]), [seq(7), seq(11)]);
    }

    #[test]
    fn the_largest_sequence_is_the_end() {
        let (tops, alice) = (KnownTops::new(), inbox("alice"));
        let end = Known::read(Top { seq: Seq::MAX, ..Top::default() }, Moment::now());
        assert_eq!(take(&tops, Want { boxed: &alice, count: 2 }, end, 0).first, Seq::MAX);
    }
}
