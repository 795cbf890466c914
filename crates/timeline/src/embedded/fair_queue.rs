//! Which command is served next: lanes, one for each sender, in turn.
//!
//! This module is pure.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Commands that wait, in the order of their lanes.
///
/// A batch takes from every lane, and from each no more than its share of bytes (but at least one
/// command), so that one sender's large sends make nobody wait for more than one of them. Within a
/// lane the order is kept.
#[derive(Debug)]
pub(super) struct FairQueue<K, T> {
    lanes: HashMap<K, VecDeque<(usize, T)>, foldhash::fast::RandomState>,
    // The lanes that are not empty, the next one first.
    // A lane stands here once if it is in `lanes`, which holds no empty one.
    turns: VecDeque<K>,
    // The rooms of lanes that were emptied, for those that come.
    spare: Vec<VecDeque<(usize, T)>>,
    length: usize,
}

/// How many rooms are kept for lanes that come.
const SPARE_MAX: usize = 64;

/// How many commands a room has place for that is kept.
const SPARE_COMMANDS_MAX: usize = 64;

impl<K: Hash + Eq + Copy, T> FairQueue<K, T> {
    pub(super) fn new() -> Self {
        Self { lanes: HashMap::default(), turns: VecDeque::new(), spare: Vec::new(), length: 0 }
    }

    /// Returns how many commands wait.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Adds a command that will write about so many bytes.
    pub(super) fn push(&mut self, lane: K, bytes: usize, command: T) {
        self.length += 1;
        let waiting = self.lanes.entry(lane).or_insert_with(|| self.spare.pop().unwrap_or_default());
        if waiting.is_empty() {
            self.turns.push_back(lane);
        }
        waiting.push_back((bytes, command));
    }

    /// Takes the commands of the next batch: up to `share` bytes of each lane, and no further lane
    /// after `most` bytes.
    pub(super) fn take(&mut self, share: usize, most: usize) -> Vec<T> {
        let (mut batch, mut total) = (Vec::with_capacity(self.length), 0);
        // Each lane has one turn for a batch: one that is put back at the end waits for the next
        // batch.
        for _ in 0..self.turns.len() {
            if total >= most {
                break;
            }
            let Some(lane) = self.turns.pop_front() else { break };
            let Some(waiting) = self.lanes.get_mut(&lane) else { continue };
            let mut taken = 0;
            // The first command of a turn is taken whatever its size; otherwise one that is larger
            // than the share would wait for ever.
            while taken < share
                && total < most
                && let Some((bytes, _)) = waiting.front()
                && (taken == 0 || taken + bytes <= share)
                && let Some((bytes, command)) = waiting.pop_front()
            {
                // Each command counts at least 1, so that the turn of a lane of empty commands ends
                // as well.
                (taken, total) = (taken + bytes.max(1), total + bytes.max(1));
                batch.push(command);
            }
            if waiting.is_empty() {
                let room = self.lanes.remove(&lane).filter(|room| room.capacity() <= SPARE_COMMANDS_MAX);
                self.spare.extend(room.filter(|_| self.spare.len() < SPARE_MAX));
            } else {
                self.turns.push_back(lane);
            }
        }
        self.length -= batch.len();
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_one_lane_leaves_room_for_the_others() {
        let mut fair = FairQueue::new();
        for number in 0..100 {
            fair.push("flood", 400, number);
        }
        for (lane, number) in [("a", 1_000), ("b", 1_001), ("a", 1_002)] {
            fair.push(lane, 10, number);
        }
        assert_eq!(fair.take(1_000, 10_000), [0, 1, 1_000, 1_002, 1_001]);
        fair.push("c", 10, 1_003);
        assert_eq!(fair.take(1_000, 10_000), [2, 3, 1_003]);
        assert_eq!(fair.len(), 96);
        let mut rest = Vec::new();
        while fair.len() > 0 {
            rest.extend(fair.take(1_000, 500));
        }
        assert_eq!(rest, (4..100).collect::<Vec<_>>(), "the order of a lane is kept");
        assert!(fair.take(1_000, 500).is_empty());
    }

    #[test]
    fn a_command_larger_than_its_share_goes_alone() {
        let mut fair = FairQueue::new();
        for number in 0..3 {
            fair.push("a", 5_000, number);
        }
        fair.push("b", 1, 10);
        assert_eq!(fair.take(1_000, 100_000), [0, 10]);
        assert_eq!(fair.take(1_000, 100_000), [1]);
    }

    #[test]
    fn lanes_that_a_full_batch_left_out_come_first_the_next_time() {
        let mut fair = FairQueue::new();
        for lane in 0..6 {
            fair.push(lane, 100, lane);
        }
        assert_eq!(fair.take(1_000, 200), [0, 1]);
        fair.push(0, 100, 6);
        assert_eq!(fair.take(1_000, 400), [2, 3, 4, 5]);
        assert_eq!(fair.take(1_000, 400), [6]);
    }
}
