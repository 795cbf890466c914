//! Heartbeats for many names at once.

use super::PLACES;
use super::clock::Millis;
use super::ledger::{Ledger, Transition};
use super::name::Key;
use super::registry::Beings;

impl<L: Ledger> Beings<L> {
    /// Gives each name a heartbeat, and says whether anybody came online.
    ///
    /// To `unsettled` it adds the places in `names`, in their order, of those that are online and not settled. Those that
    /// need nothing but a heartbeat, nearly all, go first: a place at a time, for one lock each. The rest follows in input
    /// order, so that its transitions have it, too.
    pub fn beat(&self, names: &[L::Name], unsettled: &mut Vec<usize>) -> bool {
        let now = self.clock().now();
        let changed = if names.len() < GROUPED_MIN {
            self.beat_one_by_one(names.iter().enumerate(), now, unsettled)
        } else {
            let chunks = (0..).step_by(GROUPED_MAX).zip(names.chunks(GROUPED_MAX));
            chunks.fold(false, |changed, (first, names)| {
                changed | self.beat_grouped(first, names, now, unsettled)
            })
        };
        if changed {
            self.announce();
        }
        changed
    }

    fn beat_grouped(&self, first: usize, names: &[L::Name], now: Millis, unsettled: &mut Vec<usize>) -> bool {
        let keys: Vec<_> = names.iter().map(|name| self.key(name)).collect();
        let places: Vec<_> = keys.iter().map(|key| self.place_of(*key)).collect();
        // A counting sort by place: where each group ends, then each number into its group.
        let mut ends = [0_u32; PLACES];
        for place in &places {
            ends[*place] += 1;
        }
        let mut start = 0;
        for end in &mut ends {
            start += std::mem::replace(end, start);
        }
        let mut order = vec![0_u32; keys.len()];
        for (number, place) in (0..).zip(&places) {
            let end = &mut ends[*place];
            order[*end as usize] = number;
            *end += 1;
        }
        let (mut others, mut found, mut start) = (Vec::new(), Vec::new(), 0);
        for (place, end) in ends.into_iter().enumerate() {
            let group = &order[start..end as usize];
            start = end as usize;
            if !group.is_empty() {
                let group = group.iter().map(|number| (*number, keys[*number as usize]));
                self.lock(place).beat_settled(group, &mut found, now, |number| others.push(number));
            }
        }
        others.sort_unstable();
        let others = others.iter().map(|number| *number as usize);
        self.beat_one_by_one(others.map(|number| (first + number, &names[number])), now, unsettled)
    }

    fn beat_one_by_one<'a>(
        &self,
        names: impl Iterator<Item = (usize, &'a L::Name)>,
        now: Millis,
        unsettled: &mut Vec<usize>,
    ) -> bool {
        let mut changed = false;
        for (number, name) in names {
            let key: Key<'_, _> = self.key(name);
            let record = |cause| self.ledger().record(Transition::new(name, cause, now));
            let beat = self.lock(self.place_of(key)).beat(key, now, record);
            changed |= beat.arrived;
            if !beat.settled {
                unsettled.push(number);
            }
        }
        changed
    }
}

/// From how many names on a batch is grouped by place.
const GROUPED_MIN: usize = 64;
/// How many names are grouped at once, so that what is kept about them stays in the cache.
const GROUPED_MAX: usize = 4096;
