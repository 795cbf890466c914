use std::collections::BTreeSet;
use std::time::Duration;

use fastrand::Rng;

use super::*;
use crate::Message;

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

fn entry(number: u64) -> Entry {
    Entry::new(seq(number), Message::new("{}").unwrap())
}

/// An order with one inbox, `a`, and what it has told.
#[derive(Default)]
struct Scene {
    order: Order,
    is_watched: bool,
    told: Told,
}

impl Scene {
    fn watched() -> Self {
        Self { is_watched: true, ..Self::default() }
    }

    fn reserve(&mut self, sequences: impl IntoIterator<Item = u64>) {
        for number in sequences {
            self.order.reserve(&member("a"), seq(number), Instant::now());
        }
    }

    fn commit(&mut self, number: u64) {
        self.order.commit(&member("a"), entry(number), self.is_watched, &mut self.told);
    }

    fn give_up(&mut self, number: u64) {
        self.order.give_up(&member("a"), seq(number), &mut self.told);
    }

    fn hear(&mut self, first: u64, top: u64) {
        self.order.hear(&member("a"), seq(first), seq(top), &mut self.told);
    }

    fn see(&mut self, top: u64, floor: u64, is_recent: bool) -> bool {
        self.order.see(&member("a"), (seq(top), seq(floor)), is_recent, &mut self.told)
    }

    /// Reads entries as the store has them, above its floor.
    fn read(&mut self, sequences: impl IntoIterator<Item = u64>, floor: u64) -> Option<u64> {
        let entries = sequences.into_iter().map(entry).collect();
        self.order.catch_up(&member("a"), entries, seq(floor), &mut self.told).map(Seq::get)
    }

    /// Reads what the store shows behind what was told.
    fn read_visible(&mut self, visible: &BTreeSet<u64>) {
        let top = seq(visible.last().copied().unwrap_or_default());
        let Some(last) = self.order.read_from(&member("a"), top, &mut self.told) else { return };
        let contiguous: Vec<_> = (last.get() + 1..).take_while(|number| visible.contains(number)).collect();
        self.read(contiguous, 0);
    }

    /// Returns what was told since the last call: entries, how many are missed, what to read.
    fn heard(&mut self) -> (Vec<u64>, u64, Vec<u64>) {
        let Told { entries, missed, behind } = std::mem::take(&mut self.told);
        let entries = entries.iter().map(|(_, entry)| entry.sequence.get()).collect();
        (entries, missed, behind.iter().map(|(_, top)| top.get()).collect())
    }
}

#[test]
fn batches_that_end_out_of_order_are_told_in_order() {
    for mut scene in [Scene::default(), Scene::watched()] {
        scene.reserve(5..=8);
        scene.commit(6);
        scene.commit(8);
        assert_eq!(scene.heard(), (vec![], 0, vec![]));
        scene.commit(5);
        assert_eq!(scene.heard(), (vec![5, 6], 0, vec![]));
        scene.commit(7);
        assert_eq!(scene.heard(), (vec![7, 8], 0, vec![]));
        assert!(scene.order.lines.is_empty());
        assert_eq!((scene.order.waiting.entries, scene.order.waiting.bytes), (0, 0));
    }
}

#[test]
fn what_is_given_up_holds_up_nobody() {
    let mut scene = Scene::default();
    scene.reserve([1, 2, 4]);
    scene.commit(4);
    scene.give_up(1);
    scene.give_up(9);
    assert_eq!(scene.heard(), (vec![], 0, vec![]));
    scene.give_up(2);
    assert_eq!(scene.heard(), (vec![4], 0, vec![]));
    assert!(scene.order.lines.is_empty());
}

#[test]
fn no_entry_is_told_twice_or_behind_a_later_one() {
    for mut scene in [Scene::default(), Scene::watched()] {
        scene.commit(5);
        scene.commit(5);
        scene.commit(4);
        assert_eq!(scene.heard(), (vec![5], 0, vec![]));
        scene.reserve([6, 7]);
        scene.commit(7);
        scene.commit(7);
        scene.commit(6);
        assert_eq!(scene.heard(), (vec![6, 7], 0, vec![]));
        assert_eq!(scene.order.waiting.entries, 0);
    }
}

#[test]
fn a_reservation_that_nobody_ends_is_given_up() {
    let mut scene = Scene::default();
    scene.reserve([1, 2]);
    scene.commit(2);
    let Scene { order, told, .. } = &mut scene;
    order.expire(Instant::now() - Duration::from_secs(1), told);
    assert!(told.entries.is_empty());
    order.expire(Instant::now() + Duration::from_secs(1), told);
    assert_eq!(scene.heard(), (vec![2], 0, vec![]));
    scene.commit(1);
    assert_eq!(scene.heard(), (vec![], 0, vec![]));
}

#[test]
fn what_others_wrote_into_an_inbox_that_is_watched_is_read_first() {
    let mut scene = Scene::watched();
    scene.commit(4);
    scene.hear(5, 5);
    assert_eq!(scene.heard(), (vec![4], 0, vec![5]));
    // This node writes behind it, before it was read.
    scene.reserve([6]);
    scene.commit(6);
    assert_eq!(scene.heard(), (vec![], 0, vec![6]));
    assert_eq!(scene.order.read_from(&member("a"), seq(6), &mut Told::default()), Some(seq(4)));
    assert_eq!(scene.read([5, 6], 0), Some(6));
    assert_eq!(scene.heard(), (vec![5, 6], 0, vec![]));
    // What was read is not told again, whoever tells of it later.
    scene.hear(5, 6);
    scene.commit(6);
    assert!(!scene.see(6, 0, true));
    assert_eq!(scene.heard(), (vec![], 0, vec![]));
    assert_eq!(scene.order.read_from(&member("a"), seq(6), &mut Told::default()), None);
}

#[test]
fn an_entry_that_was_read_before_its_batch_ended_is_told_once() {
    let mut scene = Scene::watched();
    scene.commit(4);
    scene.reserve([5]);
    scene.hear(6, 6);
    assert_eq!(scene.read([5, 6], 0), Some(6));
    scene.commit(5);
    assert_eq!(scene.heard(), (vec![4, 5, 6], 0, vec![6]));
    assert!(scene.order.lines.is_empty());
}

#[test]
fn what_was_freed_or_is_too_much_is_not_read() {
    let mut scene = Scene::watched();
    scene.commit(1);
    scene.hear(2, 3);
    assert_eq!(scene.read([], 3), Some(3));
    assert_eq!(scene.heard(), (vec![1], 0, vec![3]));
    scene.hear(4, BACKLOG_MAX + 13);
    let (mut told, top) = (Told::default(), seq(BACKLOG_MAX + 13));
    assert_eq!(scene.order.read_from(&member("a"), top, &mut told), Some(seq(13)));
    assert_eq!(told.missed, 10);
}

#[test]
fn a_look_at_the_store_finds_what_nobody_told() {
    let mut scene = Scene::watched();
    assert!(!scene.see(7, 2, false), "what was before the watch is old");
    assert!(!scene.see(7, 2, true));
    assert_eq!(scene.heard(), (vec![], 0, vec![]));
    assert!(scene.see(9, 2, false) && scene.see(9, 3, false));
    assert_eq!(scene.heard(), (vec![], 0, vec![9, 9]));
    assert!(!scene.see(9, 3, false));
    // One that came while it was not known that somebody waits.
    let mut late = Scene::watched();
    assert!(late.see(7, 0, true));
    assert_eq!(late.heard(), (vec![], 0, vec![7]));
    assert_eq!(late.read([7], 0), Some(7));
    assert_eq!(late.heard(), (vec![7], 0, vec![]));
}

#[test]
fn an_inbox_that_is_watched_anew_is_told_from_then_on() {
    let mut scene = Scene::default();
    scene.commit(3);
    scene.reserve([21]);
    // Somebody waits for it now, and what others wrote before is old; what is on its way is not.
    scene.is_watched = true;
    scene.hear(22, 22);
    assert_eq!(scene.order.read_from(&member("a"), seq(22), &mut Told::default()), Some(seq(20)));
    scene.commit(21);
    assert_eq!(scene.read([22], 0), Some(22));
    assert_eq!(scene.heard(), (vec![3, 21, 22], 0, vec![22]));
}

#[test]
fn who_is_not_watched_any_more_is_forgotten_and_not_told_again() {
    let mut scene = Scene::watched();
    scene.commit(3);
    scene.order.end_pass();
    assert!(!scene.see(3, 0, true), "its watchers were woken for it");
    scene.order.end_pass();
    assert_eq!(scene.order.watched.len(), 1);
    scene.order.end_pass();
    assert!(scene.order.watched.is_empty());
    scene.is_watched = false;
    scene.commit(3);
    assert_eq!(scene.heard(), (vec![3], 0, vec![]));
    assert_eq!(scene.order.read_from(&member("a"), seq(9), &mut Told::default()), None);
    assert_eq!(scene.read([4], 0), None);
}

#[test]
fn what_waits_is_bounded_and_what_is_left_out_is_missed_or_read() {
    for (mut scene, missed, read) in [(Scene::default(), 2, 0), (Scene::watched(), 0, 2)] {
        let last = ENTRIES_MAX as u64 + 4;
        scene.commit(1);
        scene.reserve(2..=last);
        (3..=last).for_each(|number| scene.commit(number));
        scene.commit(2);
        let (entries, left_out, behind) = scene.heard();
        assert_eq!((entries.len(), left_out, behind.len()), (ENTRIES_MAX + 2, missed, read));
        assert!(entries.is_sorted());
        assert!(scene.order.lines.is_empty());
    }
}

#[test]
fn whatever_comes_first_each_entry_of_a_watched_inbox_is_told_once_and_in_order() {
    fn any(random: &mut Rng, numbers: &mut Vec<u64>) -> Option<u64> {
        (!numbers.is_empty()).then(|| numbers.swap_remove(random.usize(..numbers.len())))
    }
    for seed in 0..500 {
        let (mut random, mut scene, mut top) = (Rng::with_seed(seed), Scene::watched(), 0);
        let mut visible = BTreeSet::new();
        // What this node has reserved, what it has written and not told, what others have not said.
        let (mut reserved, mut written, mut unsaid) = (Vec::new(), Vec::new(), Vec::new());
        scene.see(0, 0, false);
        for _ in 0..300 {
            match random.u32(..8) {
                0 | 1 => {
                    top += 1;
                    scene.reserve([top]);
                    reserved.push(top);
                }
                2 => {
                    top += 1;
                    visible.insert(top);
                    unsaid.push(top);
                }
                3 => {
                    let number = any(&mut random, &mut reserved);
                    visible.extend(number);
                    written.extend(number);
                }
                4 => any(&mut random, &mut written).into_iter().for_each(|number| scene.commit(number)),
                5 => {
                    // A tombstone closes the place.
                    let number = any(&mut random, &mut reserved);
                    number.into_iter().for_each(|number| scene.give_up(number));
                    visible.extend(number);
                }
                6 => any(&mut random, &mut unsaid).into_iter().for_each(|number| scene.hear(number, number)),
                _ => scene.read_visible(&visible),
            }
        }
        visible.extend(&reserved);
        reserved.into_iter().chain(written).for_each(|number| scene.commit(number));
        scene.see(top, 0, false);
        scene.read_visible(&visible);
        let (heard, missed, _) = scene.heard();
        assert_eq!((heard, missed), ((1..=top).collect(), 0), "seed {seed}");
        assert!(scene.order.lines.is_empty() && scene.order.waiting.entries == 0);
    }
}
