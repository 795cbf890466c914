//! Random histories, against what the documents say and what is promised.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::slots::{Period, TimeSlot, Window};

const KEYS: u8 = 3;

#[derive(Debug, Clone, Copy)]
enum Step {
    /// A pinger of a key starts.
    Start(u8),
    /// One of those that run stops, or its process crashes.
    Stop(u8),
    /// One of those that run is killed.
    Kill(u8),
    /// A pinger of a key that never ran is killed.
    KillIdle(u8),
    /// The next slot begins; in an outage nobody can read or write in it.
    Next { outage: bool },
    /// Somebody asks for a sync.
    Sync,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..KEYS).prop_map(Step::Start),
        2 => any::<u8>().prop_map(Step::Stop),
        2 => any::<u8>().prop_map(Step::Kill),
        1 => (0..KEYS).prop_map(Step::KillIdle),
        6 => prop::bool::weighted(0.2).prop_map(|outage| Step::Next { outage }),
        1 => Just(Step::Sync),
    ];
    prop::collection::vec(step, 1..60)
}

/// A watcher, with a change stream or without.
struct Observer {
    hears: bool,
    window: Window,
    liveness: Liveness,
    told: BTreeMap<String, bool>,
    /// The first slot that counts for it.
    floor: Option<i64>,
}

/// The database, the processes that ping, and two watchers.
struct World {
    slot: i64,
    outage: bool,
    /// Slots in which everybody could write.
    healthy: BTreeSet<i64>,
    documents: BTreeMap<i64, SlotBits>,
    beings: Vec<u8>,
    running: Vec<Sequence>,
    observers: [Observer; 2],
}

fn period() -> Period {
    Period::new(10)
}

fn name(key: u8) -> String {
    format!("key {key}")
}

fn at(slot: i64) -> TimeSlot {
    TimeSlot::new(slot * 10)
}

impl Observer {
    fn new(hears: bool) -> Self {
        let (window, liveness) = (Window::new(period()), Liveness::default());
        Self { hears, window, liveness, told: BTreeMap::new(), floor: None }
    }

    fn settle(&mut self, beings: &[u8]) {
        let bits = self.window.bits();
        let is_foreseen = self.liveness.loses(&bits) || !bits.dead.without(&self.liveness.dead).is_empty();
        let unknown = self.liveness.unknown(&bits);
        let key_of = |sequence: &Sequence| {
            let index = usize::try_from(sequence.number() - 1).unwrap();
            (*sequence, Arc::<str>::from(name(beings[index])))
        };
        let found = unknown.iter().map(key_of).collect();
        self.liveness.learn(&unknown, found);
        assert!(self.liveness.unknown(&bits).is_empty(), "J8: nobody is looked up twice");
        for (key, alive) in self.liveness.settle(&bits) {
            let before = self.told.insert(key.to_string(), alive);
            assert_ne!(before.unwrap_or(false), alive, "J12: a change is told once");
            assert!(alive || is_foreseen, "whoever dies by age is read again before");
        }
    }

    fn is_alive(&self, key: u8) -> bool {
        self.told.get(&name(key)).copied().unwrap_or(false)
    }
}

impl World {
    fn new() -> Self {
        Self {
            slot: 100,
            outage: false,
            healthy: BTreeSet::from([99, 100]),
            documents: BTreeMap::new(),
            beings: Vec::new(),
            running: Vec::new(),
            observers: [Observer::new(false), Observer::new(true)],
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Start(key) if !self.outage => {
                let sequence = self.number(key);
                self.running.push(sequence);
                self.write(self.slot, &[sequence], &[]);
            }
            Step::Stop(which) if !self.running.is_empty() => {
                self.running.remove(usize::from(which) % self.running.len());
            }
            Step::Kill(which) if !self.running.is_empty() && !self.outage => {
                let sequence = self.running.remove(usize::from(which) % self.running.len());
                self.write(self.slot, &[], &[sequence]);
            }
            Step::KillIdle(key) if !self.outage => {
                let sequence = self.number(key);
                self.write(self.slot, &[sequence], &[sequence]);
            }
            Step::Next { outage } => self.next(outage),
            Step::Sync if !self.outage => self.sync(),
            _ => {}
        }
    }

    fn number(&mut self, key: u8) -> Sequence {
        self.beings.push(key);
        Sequence::new(i64::try_from(self.beings.len()).unwrap()).unwrap()
    }

    fn write(&mut self, slot: i64, alive: &[Sequence], dead: &[Sequence]) {
        let bits = SlotBits { alive: alive.iter().copied().collect(), dead: dead.iter().copied().collect() };
        self.documents.entry(slot).or_default().merge(&bits);
        let beings = &self.beings;
        for observer in self.observers.iter_mut().filter(|observer| observer.hears) {
            observer.window.hear(at(slot), &bits);
            observer.settle(beings);
        }
    }

    /// Begins a slot: it is read first, and written then, as late as may be.
    fn next(&mut self, outage: bool) {
        self.slot += 1;
        let last_healthy = self.healthy.last().copied().unwrap_or(0);
        // Of slots that are longer past not all are read.
        self.outage = outage && self.slot - last_healthy < 6;
        if self.outage {
            return;
        }
        self.healthy.insert(self.slot);
        self.sync();
        let running = self.running.clone();
        self.write(self.slot, &running, &[]);
    }

    fn sync(&mut self) {
        let all_wrote = self.healthy.contains(&(self.slot - 1));
        for observer in &mut self.observers {
            for slot in observer.window.to_read(at(self.slot), all_wrote) {
                if let Some(bits) = self.documents.get(&(slot.number() / 10)) {
                    observer.window.read(slot, bits);
                }
            }
            let foreseen = observer.window.bits_after(at(self.slot), all_wrote);
            observer.window.advance(at(self.slot), all_wrote);
            assert_eq!(observer.window.bits(), foreseen);
            observer.settle(&self.beings);
            if all_wrote || observer.floor.is_none() {
                observer.floor = Some(self.slot - 1);
            }
        }
        self.check();
    }

    /// Compares what is told with the documents, and with the promises.
    fn check(&self) {
        for (observer, key) in self.observers.iter().flat_map(|one| (0..KEYS).map(move |key| (one, key))) {
            let floor = observer.floor.unwrap();
            let counted = || self.documents.range(floor..);
            let of_key =
                |sequence: &Sequence| self.beings[usize::try_from(sequence.number() - 1).unwrap()] == key;
            let highest = counted().flat_map(|(_, bits)| bits.named().iter().collect::<Vec<_>>());
            let highest = highest.filter(of_key).max();
            let is_dead = |sequence| counted().any(|(_, bits)| bits.dead.contains(sequence));
            let expected = highest.is_some_and(|highest| !is_dead(highest));
            assert_eq!(observer.is_alive(key), expected, "key {key}, hears {}", observer.hears);

            let newest = self.beings.iter().rposition(|of| *of == key);
            let newest = newest.and_then(|index| Sequence::new(i64::try_from(index + 1).unwrap()));
            if newest.is_some_and(|newest| self.running.contains(&newest)) {
                assert!(observer.is_alive(key), "a false death of key {key}, hears {}", observer.hears);
            }
            let pinged =
                self.documents.iter().rev().find(|(_, bits)| bits.named().iter().any(|one| of_key(&one)));
            let last = pinged.map_or(0, |(slot, _)| *slot);
            // The slot before this one went well, and so it was read that the key was not in it.
            if last < self.slot - 1 && self.healthy.contains(&(self.slot - 1)) {
                assert!(!observer.is_alive(key), "a ghost of key {key}, hears {}", observer.hears);
            }
        }
    }
}

proptest! {
    #[test]
    fn watchers_say_what_the_documents_say_and_nobody_who_pings_is_dead(steps in steps()) {
        let mut world = World::new();
        world.sync();
        for step in steps {
            world.take(step);
        }
    }
}

/// Plays steps and returns what the watcher with a change stream says of key 0 after each.
fn story(steps: &[Step]) -> Vec<bool> {
    let mut world = World::new();
    world.sync();
    let mut said = Vec::new();
    for step in steps {
        world.take(*step);
        said.push(world.observers[1].is_alive(0));
    }
    said
}

const NEXT: Step = Step::Next { outage: false };

#[test]
fn a_silent_key_is_alive_in_the_next_slot_and_dead_in_the_one_after() {
    assert_eq!(story(&[Step::Start(0), Step::Stop(0), NEXT, NEXT]), [true, true, true, false]);
}

#[test]
fn a_kill_is_dead_at_once_and_an_older_pinger_makes_the_key_alive_two_slots_later() {
    let said = story(&[Step::Start(0), Step::Start(0), Step::Kill(1), NEXT, NEXT]);
    assert_eq!(said, [true, true, false, false, true]);
    assert_eq!(story(&[Step::Start(0), Step::KillIdle(0), NEXT, NEXT]), [true, false, false, true]);
}

/// J13: the original said that the key is dead, and a read later that it is alive.
#[test]
fn a_key_stays_alive_when_the_newer_of_two_pingers_stops() {
    let said = story(&[Step::Start(0), Step::Start(0), Step::Stop(1), NEXT, NEXT, NEXT]);
    assert_eq!(said, [true; 6]);
}

#[test]
fn nobody_dies_of_slots_in_which_nobody_could_write() {
    let outage = Step::Next { outage: true };
    let said = story(&[Step::Start(0), outage, outage, outage, NEXT, NEXT]);
    assert_eq!(said, [true; 6]);
    let said = story(&[Step::Start(0), Step::Stop(0), outage, outage, NEXT, NEXT]);
    assert_eq!(said, [true, true, true, true, true, false], "whoever crashed is dead after a healthy slot");
}

#[test]
fn a_being_without_a_document_is_nobody() {
    let mut liveness = Liveness::default();
    let sequence = Sequence::new(7).unwrap();
    let bits = SlotBits { alive: [sequence].into_iter().collect(), dead: Words::default() };
    liveness.learn(&liveness.unknown(&bits), Vec::new());
    assert!(liveness.settle(&bits).is_empty() && liveness.unknown(&bits).is_empty());
    assert_eq!(liveness.strangers(), 1);
    assert!(liveness.settle(&SlotBits::default()).is_empty());
    assert_eq!(liveness.unknown(&bits), [sequence], "if it comes again it is looked up again");
}

#[test]
fn a_being_whose_document_comes_late_is_counted_then() {
    let mut liveness = Liveness::default();
    let sequence = Sequence::new(7).unwrap();
    let bits = SlotBits { alive: [sequence].into_iter().collect(), dead: Words::default() };
    liveness.learn(&[sequence], Vec::new());
    assert!(liveness.settle(&bits).is_empty());
    liveness.forget_strangers();
    assert_eq!(liveness.unknown(&bits), [sequence]);
    liveness.learn(&[sequence], vec![(sequence, Arc::from("key"))]);
    assert_eq!(liveness.settle(&bits), [(Arc::<str>::from("key"), true)]);
}
