//! How much of each channel is on its way to one sister; pure.
//!
//! ```text
//!  queued ──► batch ──► socket ──► her socket ──► taken by her
//!  └────────────── the share of its channel ─────────────────┘
//! ```
//!
//! A sister says from time to time how many parcels she has taken over this link. One who never
//! does is of an older version: of her share only what is queued here is known.

use std::collections::VecDeque;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

/// Bytes that a node takes from a sister before it says again how much it has taken.
pub(crate) const TAKEN_EVERY: usize = 8 * 1024;

/// Parcels that are sent and not said to be taken. More of them count as taken, the oldest first:
/// a sister who reads and stops saying so takes no memory without end.
const SENT_MAX: usize = 64 * 1024;

/// What of each channel a sister has still to take.
///
/// **Invariant:** a share is the sum of what was queued of its channel and is not settled, and
/// `over` is how many shares are larger than the window.
#[derive(Debug)]
pub(crate) struct ChannelShares {
    window: usize,
    /// By the channel's hash; an empty share is none.
    shares: HashMap<u64, usize, RandomState>,
    over: usize,
    /// The channel and the bytes of what was sent and not said to be taken, oldest first.
    sent: VecDeque<(u64, usize)>,
    /// How many parcels are settled, since the link began.
    settled: u64,
    is_told: bool,
}

impl ChannelShares {
    /// Creates it empty; a channel may have so many bytes on their way.
    pub(crate) fn new(window: usize) -> Self {
        Self {
            window,
            shares: HashMap::default(),
            over: 0,
            sent: VecDeque::new(),
            settled: 0,
            is_told: false,
        }
    }

    /// Returns another one with nothing in it.
    pub(crate) fn emptied(&self) -> Self {
        Self::new(self.window)
    }

    /// Counts a parcel that is queued.
    pub(crate) fn queue(&mut self, channel: u64, bytes: usize) {
        let share = self.shares.entry(channel).or_insert(0);
        let before = *share;
        *share += bytes;
        if before <= self.window && *share > self.window {
            self.over += 1;
        }
    }

    /// Notes that the oldest that was queued is sent; tells whether that relieves its channel.
    pub(crate) fn send(&mut self, channel: u64, bytes: usize) -> bool {
        if self.is_told {
            self.sent.push_back((channel, bytes));
            return self.sent.len() > SENT_MAX && self.settle_oldest();
        }
        self.settled += 1;
        self.settle(channel, bytes)
    }

    /// Notes how many parcels she has taken by now; tells whether that relieves a channel.
    pub(crate) fn take(&mut self, parcels: u64) -> bool {
        self.is_told = true;
        let mut relieved = false;
        while self.settled < parcels && !self.sent.is_empty() {
            relieved |= self.settle_oldest();
        }
        if self.sent.is_empty() {
            self.sent = VecDeque::new();
        }
        relieved
    }

    /// Tells whether the sister says what she takes.
    pub(crate) const fn is_told(&self) -> bool {
        self.is_told
    }

    /// Tells whether a channel has more on its way than so many windows.
    pub(crate) fn is_over(&self, channel: u64, windows: usize) -> bool {
        self.of(channel) > self.window * windows
    }

    /// Returns the share of a channel.
    pub(crate) fn of(&self, channel: u64) -> usize {
        self.shares.get(&channel).copied().unwrap_or(0)
    }

    /// Tells whether any channel has more on its way than its window.
    pub(crate) const fn has_over(&self) -> bool {
        self.over > 0
    }

    fn settle_oldest(&mut self) -> bool {
        let Some((channel, bytes)) = self.sent.pop_front() else { return false };
        self.settled += 1;
        self.settle(channel, bytes)
    }

    fn settle(&mut self, channel: u64, bytes: usize) -> bool {
        let Some(share) = self.shares.get_mut(&channel) else { return false };
        let before = *share;
        let after = before.saturating_sub(bytes);
        *share = after;
        if after == 0 {
            self.shares.remove(&channel);
        }
        let falls_below = |mark| before > mark && after <= mark;
        if falls_below(self.window) {
            self.over -= 1;
        }
        // The marks at which senders here and nodes behind whose parcels are passed on wait.
        falls_below(self.window) || falls_below(self.window * 2)
    }
}

#[cfg(test)]
mod tests;
