//! When ids that are offline were last seen.
//!
//! There is room for some of them. This module is pure.

use std::collections::{HashMap, VecDeque};
use std::time::SystemTime;

use presence_core::Id;

/// The ids that left last.
#[derive(Debug)]
pub(super) struct Remembered {
    seen: HashMap<Id, (u64, SystemTime)>,
    /// The departures in their order; that of an id which came back, or left again, counts no more.
    order: VecDeque<(u64, Id)>,
    departures: u64,
    max: usize,
}

impl Remembered {
    pub(super) fn new(max: usize) -> Self {
        Self { seen: HashMap::new(), order: VecDeque::new(), departures: 0, max }
    }

    pub(super) fn leave(&mut self, id: Id, seen: SystemTime) {
        if self.max == 0 {
            return;
        }
        self.departures += 1;
        self.seen.insert(id.clone(), (self.departures, seen));
        self.order.push_back((self.departures, id));
        // A departure that counts no more takes a place, too, until it is the oldest.
        if self.order.len() > self.max
            && let Some((departure, id)) = self.order.pop_front()
            && self.seen.get(&id).is_some_and(|(latest, _)| *latest == departure)
        {
            self.seen.remove(&id);
        }
    }

    pub(super) fn come_back(&mut self, id: &Id) {
        self.seen.remove(id);
    }

    pub(super) fn seen(&self, id: &Id) -> Option<SystemTime> {
        self.seen.get(id).map(|(_, seen)| *seen)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_first_to_leave_are_forgotten_first() {
        let id = |text: &str| Id::new(text).unwrap();
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let mut remembered = Remembered::new(3);
        for (second, text) in (1..).zip(["a", "b", "a", "c"]) {
            remembered.leave(id(text), at(second));
        }
        // The first departure of a is over, the second one counts.
        assert_eq!(
            ["a", "b", "c"].map(|text| remembered.seen(&id(text))),
            [Some(at(3)), Some(at(2)), Some(at(4))]
        );
        remembered.come_back(&id("a"));
        remembered.leave(id("d"), at(5));
        remembered.leave(id("e"), at(6));
        let seen = ["a", "b", "c", "d", "e"].map(|text| remembered.seen(&id(text)).is_some());
        assert_eq!(seen, [false, false, true, true, true]);
        let mut none = Remembered::new(0);
        none.leave(id("a"), at(1));
        assert_eq!(none.seen(&id("a")), None);
    }
}
