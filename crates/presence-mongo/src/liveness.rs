//! Who is alive: from the bits of beings to the state of their keys. It is pure.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::mem::take;
use std::sync::Arc;

use crate::slots::{Sequence, SlotBits, Words};

/// The beings that have a bit in the slots that count, by key.
///
/// The highest being of a key decides: the key is alive unless that one was killed. So a restart
/// leaves no gap, a kill counts at once although an older being still has its bits, and the key is
/// alive again when the bits of the killed one no longer count and the older one still pings.
#[derive(Debug, Default)]
pub(crate) struct Liveness {
    /// Those who have a bit and whose document was looked for.
    named: Words,
    dead: Words,
    keys: HashMap<Sequence, Arc<str>>,
    by_key: HashMap<Arc<str>, BTreeSet<Sequence>>,
    alive: HashSet<Arc<str>>,
    /// Those who have no document.
    strangers: HashSet<Sequence>,
}

impl Liveness {
    /// Returns those whose documents must be looked for, before [`settle`](Self::settle) counts
    /// them.
    pub(crate) fn unknown(&self, bits: &SlotBits) -> Vec<Sequence> {
        let arrived = bits.named().without(&self.named);
        let is_unknown =
            |sequence: &Sequence| !self.keys.contains_key(sequence) && !self.strangers.contains(sequence);
        arrived.iter().filter(is_unknown).collect()
    }

    /// Takes the keys of beings that were looked for; those without one have no document.
    pub(crate) fn learn(&mut self, asked: &[Sequence], found: Vec<(Sequence, Arc<str>)>) {
        for (sequence, key) in found {
            // One copy of a key serves all its beings.
            let key = self.by_key.get_key_value(&key).map_or(key, |(known, _)| Arc::clone(known));
            self.by_key.entry(Arc::clone(&key)).or_default();
            self.keys.insert(sequence, key);
        }
        let missing = asked.iter().filter(|sequence| !self.keys.contains_key(*sequence));
        self.strangers.extend(missing.copied());
    }

    /// Has those looked for again who had no document: it may have been written since.
    pub(crate) fn forget_strangers(&mut self) {
        for stranger in take(&mut self.strangers) {
            self.named.remove(stranger);
        }
    }

    /// Returns how many have no document.
    pub(crate) fn strangers(&self) -> usize {
        self.strangers.len()
    }

    /// Says whether [`settle`](Self::settle) would find somebody dead who was not killed.
    ///
    /// It may say so where somebody has only been started again, and not been looked for yet.
    pub(crate) fn loses(&self, bits: &SlotBits) -> bool {
        let named = bits.named();
        let dies = |key: &Arc<str>| {
            let mut beings = self.by_key.get(key).into_iter().flatten().rev();
            let highest = beings.find(|being| named.contains(**being));
            self.alive.contains(key) && highest.is_none_or(|highest| bits.dead.contains(*highest))
        };
        self.named.without(&named).iter().any(|left| self.keys.get(&left).is_some_and(dies))
    }

    /// Takes what counts now, and returns whose state became another one.
    ///
    /// Beings that were not looked for yet do not count.
    pub(crate) fn settle(&mut self, bits: &SlotBits) -> Vec<(Arc<str>, bool)> {
        let named = bits.named();
        let left = self.named.without(&named);
        let arrived = named.without(&self.named);
        let died = bits.dead.without(&self.dead);
        let revived = self.dead.without(&bits.dead);
        let mut touched: HashSet<Arc<str>> = HashSet::new();
        for sequence in arrived.iter() {
            if let Some(key) = self.keys.get(&sequence) {
                self.by_key.entry(Arc::clone(key)).or_default().insert(sequence);
                touched.insert(Arc::clone(key));
            } else if !self.strangers.contains(&sequence) {
                continue;
            }
            self.named.insert(sequence);
        }
        for sequence in died.iter().chain(revived.iter()) {
            touched.extend(self.keys.get(&sequence).cloned());
        }
        self.dead = bits.dead.clone();
        for sequence in left.iter() {
            self.named.remove(sequence);
            self.strangers.remove(&sequence);
            if let Some(key) = self.keys.remove(&sequence) {
                if let Some(beings) = self.by_key.get_mut(&key) {
                    beings.remove(&sequence);
                }
                touched.insert(key);
            }
        }
        touched.into_iter().filter_map(|key| self.change(key)).collect()
    }

    /// Returns how many keys are alive.
    pub(crate) fn alive(&self) -> usize {
        self.alive.len()
    }

    /// Returns all who are alive, as changes.
    pub(crate) fn all_alive(&self) -> Vec<(Arc<str>, bool)> {
        self.alive.iter().map(|key| (Arc::clone(key), true)).collect()
    }

    /// Decides about a key, and returns its state if it is another one.
    fn change(&mut self, key: Arc<str>) -> Option<(Arc<str>, bool)> {
        let highest = self.by_key.get(&key).and_then(BTreeSet::last);
        let is_alive = highest.is_some_and(|highest| !self.dead.contains(*highest));
        if highest.is_none() {
            self.by_key.remove(&key);
        }
        let is_changed = if is_alive { self.alive.insert(Arc::clone(&key)) } else { self.alive.remove(&key) };
        is_changed.then_some((key, is_alive))
    }
}

#[cfg(test)]
mod tests;
