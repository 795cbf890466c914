//! The uuids of stream messages that came under the name of no open stream.
//!
//! This module is pure. The original's client never uses a uuid twice, so one that comes twice is
//! the name of a stream: of one that began before we listened, as its start would be known.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};

/// The uuids that came last, of all channels of a connection.
///
/// Their number is bounded, the oldest are forgotten. Hashes stand for names, by a key of our own.
#[derive(Debug)]
pub(super) struct Strays {
    hasher: RandomState,
    /// By when they came last, oldest first.
    seen: VecDeque<Stray>,
    max: usize,
}

#[derive(Debug)]
struct Stray {
    channel: u64,
    uuid: u64,
    taker: Taker,
}

/// Who took the message with a uuid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taker {
    /// The open stream of this number.
    Stream(u64),
    /// Nobody: a stream that we know nothing of may be open, whose messages have no name.
    Unknown,
    /// Nobody: it is of a stream that we do not follow.
    Foreign,
    /// Nobody: it is the name of a stream that was taken to have ended in the place of another.
    Struck,
}

impl Strays {
    pub(super) fn new(max: usize) -> Self {
        Self { hasher: RandomState::new(), seen: VecDeque::new(), max }
    }

    /// Remembers who took a message; an empty uuid is nobody's name.
    pub(super) fn note(&mut self, channel: &str, uuid: &str, taker: Taker) {
        if uuid.is_empty() {
            return;
        }
        if self.seen.len() >= self.max {
            self.seen.pop_front();
        }
        let (channel, uuid) = self.names(channel, uuid);
        self.seen.push_back(Stray { channel, uuid, taker });
    }

    /// Returns who took the message that had this uuid before, if one had; it is foreign then.
    pub(super) fn again(&mut self, channel: &str, uuid: &str) -> Option<Taker> {
        let names = self.names(channel, uuid);
        let at = self.seen.iter().rposition(|stray| (stray.channel, stray.uuid) == names)?;
        let stray = self.seen.remove(at)?;
        // It stays for as long as its stream goes on.
        self.seen.push_back(Stray { taker: Taker::Foreign, ..stray });
        Some(stray.taker)
    }

    /// Tells whether a stream without a name, of which we know nothing, may be open in a channel.
    pub(super) fn may_hide_a_stream(&self, channel: &str) -> bool {
        let channel = self.hasher.hash_one(channel);
        self.seen.iter().any(|stray| stray.channel == channel && stray.taker == Taker::Unknown)
    }

    /// Notes that a stream of which we knew nothing has ended.
    pub(super) fn settle(&mut self, channel: &str) {
        let channel = self.hasher.hash_one(channel);
        for stray in self.seen.iter_mut().filter(|stray| stray.channel == channel) {
            if stray.taker == Taker::Unknown {
                stray.taker = Taker::Foreign;
            }
        }
    }

    fn names(&self, channel: &str, uuid: &str) -> (u64, u64) {
        (self.hasher.hash_one(channel), self.hasher.hash_one(uuid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_that_comes_twice_is_foreign_from_then_on() {
        let mut strays = Strays::new(10);
        assert_eq!(strays.again("f", "a"), None);
        strays.note("f", "a", Taker::Stream(7));
        assert_eq!(strays.again("g", "a"), None, "each channel is for itself");
        assert_eq!(strays.again("f", "a"), Some(Taker::Stream(7)));
        assert_eq!(strays.again("f", "a"), Some(Taker::Foreign));
        strays.note("f", "", Taker::Unknown);
        assert_eq!(strays.again("f", ""), None, "an empty uuid is nobody's name");
    }

    #[test]
    fn a_hidden_stream_is_there_until_an_end_or_until_its_uuid_is_a_name() {
        let mut strays = Strays::new(10);
        strays.note("f", "a", Taker::Unknown);
        assert!(strays.may_hide_a_stream("f") && !strays.may_hide_a_stream("g"));
        strays.again("f", "a");
        assert!(!strays.may_hide_a_stream("f"));
        strays.note("f", "1", Taker::Unknown);
        strays.settle("g");
        assert!(strays.may_hide_a_stream("f"));
        strays.settle("f");
        assert!(!strays.may_hide_a_stream("f"));
    }

    #[test]
    fn the_oldest_are_forgotten_and_one_that_comes_again_is_new() {
        let mut strays = Strays::new(2);
        for uuid in ["a", "b"] {
            strays.note("f", uuid, Taker::Foreign);
        }
        strays.again("f", "a");
        strays.note("f", "c", Taker::Foreign);
        assert_eq!(strays.again("f", "b"), None);
        assert_eq!(strays.again("f", "a"), Some(Taker::Foreign));
        assert_eq!(strays.seen.len(), 2);
    }
}
