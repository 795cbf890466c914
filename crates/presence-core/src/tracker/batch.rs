//! Heartbeats for many names at once.

use super::clock::Millis;
use super::groups::Groups;
use super::ledger::{Ledger, Transition};
use super::name::HashedName;
use super::table::Tracker;

impl<L: Ledger> Tracker<L> {
    /// Gives each name a heartbeat, and says whether anybody came online.
    ///
    /// To `unsettled` it adds the places in `names`, in their order, of those that are online and
    /// not settled. Those that need nothing but a heartbeat, nearly all, go first: a stripe at a
    /// time, for one lock each. The rest follows in input order, so that its transitions have it,
    /// too.
    pub fn beat(&self, names: &[L::Name], unsettled: &mut Vec<usize>) -> bool {
        let now = self.clock().now();
        let changed = if names.len() < Groups::MIN {
            self.beat_one_by_one(names.iter().enumerate(), now, unsettled)
        } else {
            let chunks = (0..).step_by(Groups::MAX).zip(names.chunks(Groups::MAX));
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
        let stripes: Vec<_> = keys.iter().map(|key| self.stripe_of(*key)).collect();
        let (mut others, mut found) = (Vec::new(), Vec::new());
        for (stripe, group) in Groups::new(&stripes).iter() {
            let group = group.iter().map(|number| (*number, keys[*number as usize]));
            self.lock(stripe).beat_settled(group, &mut found, now, |number| others.push(number));
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
            let key: HashedName<'_, _> = self.key(name);
            let record = |cause| self.ledger().record(Transition::new(name, cause, now));
            let beat = self.lock(self.stripe_of(key)).beat(key, now, record);
            changed |= beat.arrived;
            if !beat.settled {
                unsettled.push(number);
            }
        }
        changed
    }
}
