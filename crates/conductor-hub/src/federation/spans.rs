//! Sets of numbers that lie close together; pure.

use std::collections::BTreeMap;

/// A set of numbers, as spans that do not touch: first to last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spans(BTreeMap<u64, u64>);

impl Spans {
    /// Adds the numbers from `first` to `last`; none if that is less.
    pub(crate) fn insert(&mut self, mut first: u64, mut last: u64) {
        if first > last {
            return;
        }
        // Each span that overlaps or touches becomes a part of the new one.
        while let Some((&start, &end)) = self.0.range(..=last.saturating_add(1)).next_back()
            && end.saturating_add(1) >= first
        {
            self.0.remove(&start);
            (first, last) = (first.min(start), last.max(end));
        }
        self.0.insert(first, last);
    }

    /// Returns the last number of the span that a number is in.
    pub(crate) fn last_of(&self, number: u64) -> Option<u64> {
        let (_, &last) = self.0.range(..=number).next_back()?;
        (last >= number).then_some(last)
    }

    /// Returns the first number that is at least `number`.
    pub(crate) fn first_from(&self, number: u64) -> Option<u64> {
        if self.last_of(number).is_some() {
            return Some(number);
        }
        self.0.range(number..).next().map(|(&first, _)| first)
    }

    /// Forgets all numbers below this one.
    pub(crate) fn forget_below(&mut self, number: u64) {
        while let Some((&first, &last)) = self.0.first_key_value()
            && first < number
        {
            self.0.remove(&first);
            if last >= number {
                self.0.insert(number, last);
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many spans there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_are_a_set(inserts in prop::collection::vec((0u64..60, 0u64..12), 0..20), below in 0u64..60) {
            let (mut spans, mut set) = (Spans::default(), BTreeSet::new());
            for (first, more) in inserts {
                spans.insert(first, first + more);
                set.extend(first..=first + more);
            }
            spans.forget_below(below);
            set.retain(|number| *number >= below);
            for number in 0..80 {
                let mut last = number;
                while set.contains(&(last + 1)) { last += 1 }
                prop_assert_eq!(spans.last_of(number), set.contains(&number).then_some(last));
                prop_assert_eq!(spans.first_from(number), set.range(number..).next().copied());
            }
        }
    }
}
