//! What nodes say of the readers of a channel who are behind; pure.
//!
//! ```text
//!   node C: a reader of `tea` is over half       C, 7, half, tea ──► all its sisters
//!   node C: the reader has caught up             C, 8, free, tea ──► all its sisters
//! ```
//!
//! A node says it of itself alone, with a number that grows. Whoever hears a higher number of that
//! node than before notes it and passes it on to all its other sisters; what is not higher came
//! before, by another way, and is dropped: so it ends in any graph. It says it again each second
//! while it holds, and what is not said again is forgotten, so that nobody waits for a node that is
//! gone.

use std::time::Duration;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use tokio::time::Instant;

use super::node_id::NodeId;
use crate::outbox::WaitMark;

/// How long it holds what a node has said: as long as a sender waits with one message.
const HOLDS: Duration = Duration::from_secs(2);

/// Nodes whose last number is remembered. A few live at a time.
const NODES_MAX: usize = 4_096;

/// Bytes of what was heard of others, or said of ourselves. Whoever is behind for more is not
/// waited for.
const BYTES_MAX: usize = 1024 * 1024;

/// What an entry costs besides the name of its channel.
const ENTRY_COST: usize = 128;

/// How far the readers of a channel are behind at one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PaceMark {
    /// Nobody holds up a sender.
    #[default]
    Free,
    /// One has more than half of its outbox waiting, or a link has more than its share.
    Half,
    /// One has more than three quarters waiting.
    Upper,
}

/// What a node says of one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    pub(crate) node: NodeId,
    pub(crate) number: u64,
    pub(crate) mark: PaceMark,
    pub(crate) channel: Box<str>,
}

/// What other nodes have said.
#[derive(Debug, Default)]
pub(crate) struct HeardPaces {
    /// The last number of each node.
    last: HashMap<NodeId, u64, RandomState>,
    behind: HashMap<Box<str>, Vec<NodeBehind>, RandomState>,
    bytes: usize,
}

/// A node at which somebody is behind.
#[derive(Debug)]
struct NodeBehind {
    node: NodeId,
    /// By which link it was heard.
    link: u64,
    mark: PaceMark,
    until: Instant,
}

/// What this node has said of itself and not taken back.
#[derive(Debug, Default)]
pub(crate) struct SaidPaces {
    number: u64,
    said: HashMap<Box<str>, PaceMark, RandomState>,
    bytes: usize,
}

impl PaceMark {
    /// Returns how it is written on a link.
    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::Free => 0,
            Self::Half => 1,
            Self::Upper => 2,
        }
    }

    /// Reads it; a mark of a newer version is one that is higher still.
    pub(crate) const fn of_byte(byte: u8) -> Self {
        match byte {
            0 => Self::Free,
            1 => Self::Half,
            _ => Self::Upper,
        }
    }

    /// Tells whether senders wait who wait above this mark of an outbox.
    fn holds(self, mark: WaitMark) -> bool {
        match mark {
            WaitMark::Half => self >= Self::Half,
            WaitMark::Upper => self >= Self::Upper,
        }
    }
}

impl HeardPaces {
    /// Notes what was heard over a link; `false` if it was heard before.
    pub(crate) fn hear(&mut self, link: u64, pace: &Pace, now: Instant) -> bool {
        if self.last.get(&pace.node).is_some_and(|last| pace.number <= *last) {
            return false;
        }
        if self.last.len() >= NODES_MAX {
            self.last.clear();
        }
        self.last.insert(pace.node, pace.number);
        self.forget(pace.node, &pace.channel);
        if pace.mark != PaceMark::Free && self.bytes + cost(&pace.channel) <= BYTES_MAX {
            self.bytes += cost(&pace.channel);
            let behind = NodeBehind { node: pace.node, link, mark: pace.mark, until: now + HOLDS };
            self.behind.entry(pace.channel.clone()).or_default().push(behind);
        }
        true
    }

    /// Tells whether a sender to a channel waits for a reader elsewhere.
    pub(crate) fn is_behind(&self, channel: &str, mark: WaitMark, now: Instant) -> bool {
        let holds = |node: &NodeBehind| now < node.until && node.mark.holds(mark);
        self.behind.get(channel).is_some_and(|nodes| nodes.iter().any(holds))
    }

    /// Forgets what was heard over a link, which has ended: another way brings it again.
    pub(crate) fn forget_link(&mut self, link: u64) {
        self.retain(|node| node.link != link);
    }

    /// Forgets what was not said again.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.retain(|node| now < node.until);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.behind.is_empty()
    }

    fn forget(&mut self, node: NodeId, channel: &str) {
        let Some(behind) = self.behind.get_mut(channel) else { return };
        let before = behind.len();
        behind.retain(|known| known.node != node);
        self.bytes -= (before - behind.len()) * cost(channel);
        if behind.is_empty() {
            self.behind.remove(channel);
        }
    }

    fn retain(&mut self, keep: impl Fn(&NodeBehind) -> bool) {
        let mut freed = 0;
        self.behind.retain(|channel, nodes| {
            let before = nodes.len();
            nodes.retain(&keep);
            freed += (before - nodes.len()) * cost(channel);
            !nodes.is_empty()
        });
        self.bytes -= freed;
    }
}

impl SaidPaces {
    /// Returns what to say of a channel, if that is something new.
    pub(crate) fn say(&mut self, me: NodeId, channel: &str, mark: PaceMark) -> Option<Pace> {
        let before = self.said.get(channel).copied().unwrap_or_default();
        if before == mark {
            return None;
        }
        if mark == PaceMark::Free {
            self.said.remove(channel);
            self.bytes -= cost(channel);
        } else {
            if before == PaceMark::Free {
                if self.bytes + cost(channel) > BYTES_MAX {
                    return None;
                }
                self.bytes += cost(channel);
            }
            self.said.insert(channel.into(), mark);
        }
        Some(self.next(me, channel, mark))
    }

    /// Returns what was said of a channel, to say it again.
    pub(crate) fn again(&mut self, me: NodeId, channel: &str) -> Option<Pace> {
        let mark = *self.said.get(channel)?;
        Some(self.next(me, channel, mark))
    }

    /// Returns the channels of which something was said that is not taken back.
    pub(crate) fn channels(&self) -> Vec<Box<str>> {
        self.said.keys().cloned().collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.said.is_empty()
    }

    fn next(&mut self, node: NodeId, channel: &str, mark: PaceMark) -> Pace {
        self.number += 1;
        Pace { node, number: self.number, mark, channel: channel.into() }
    }
}

const fn cost(channel: &str) -> usize {
    ENTRY_COST + channel.len()
}

#[cfg(test)]
mod tests;
