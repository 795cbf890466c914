//! A batch sorted by stripe, so that each stripe is locked once.

use super::STRIPES;

/// The members of a batch by number, grouped by stripe, in their order within each.
#[derive(Debug)]
pub(crate) struct Groups {
    order: Vec<u32>,
    ends: [u32; STRIPES],
}

impl Groups {
    /// From how many members on grouping pays.
    pub(crate) const MIN: usize = 64;

    /// How many are grouped at once, so that what is kept about them stays in the cache.
    pub(crate) const MAX: usize = 4096;

    /// Groups a batch of at most [`MAX`](Self::MAX) by the stripe of each member.
    pub(crate) fn new(stripes: &[usize]) -> Self {
        // This is a counting sort: first it finds where each group ends, then it puts each number
        // into its group.
        let mut ends = [0_u32; STRIPES];
        for stripe in stripes {
            ends[*stripe] += 1;
        }
        let mut start = 0;
        for end in &mut ends {
            start += std::mem::replace(end, start);
        }
        let mut order = vec![0_u32; stripes.len()];
        for (number, stripe) in (0..).zip(stripes) {
            let end = &mut ends[*stripe];
            order[*end as usize] = number;
            *end += 1;
        }
        Self { order, ends }
    }

    /// Iterates over the stripes that have members.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &[u32])> {
        let starts = std::iter::once(0).chain(self.ends);
        let groups = starts.zip(self.ends).map(|(start, end)| &self.order[start as usize..end as usize]);
        groups.enumerate().filter(|(_, group)| !group.is_empty())
    }
}
