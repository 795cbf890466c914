//! A batch sorted by place, so that each place is locked once.

use super::PLACES;

/// The members of a batch by number, grouped by place, in their order within each.
#[derive(Debug)]
pub(crate) struct Groups {
    order: Vec<u32>,
    ends: [u32; PLACES],
}

impl Groups {
    /// From how many members on grouping pays.
    pub(crate) const MIN: usize = 64;

    /// How many are grouped at once, so that what is kept about them stays in the cache.
    pub(crate) const MAX: usize = 4096;

    /// Groups a batch of at most [`MAX`](Self::MAX) by the place of each member.
    pub(crate) fn new(places: &[usize]) -> Self {
        // A counting sort: where each group ends, then each number into its group.
        let mut ends = [0_u32; PLACES];
        for place in places {
            ends[*place] += 1;
        }
        let mut start = 0;
        for end in &mut ends {
            start += std::mem::replace(end, start);
        }
        let mut order = vec![0_u32; places.len()];
        for (number, place) in (0..).zip(places) {
            let end = &mut ends[*place];
            order[*end as usize] = number;
            *end += 1;
        }
        Self { order, ends }
    }

    /// Iterates over the places that have members.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &[u32])> {
        let starts = std::iter::once(0).chain(self.ends);
        let groups = starts.zip(self.ends).map(|(start, end)| &self.order[start as usize..end as usize]);
        groups.enumerate().filter(|(_, group)| !group.is_empty())
    }
}
