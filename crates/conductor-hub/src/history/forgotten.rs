//! Which channels a history has forgotten.

use foldhash::fast::RandomState;
use hashbrown::HashSet;

/// Channels that were forgotten for want of memory, by the hashes of their names.
///
/// It has a bound of its own. When that is reached it forgets as well, and from then on any channel
/// that it does not know may have been forgotten. So it never says that all is there when something
/// is missing, and the other way round only then, or when two names have the same hash.
#[derive(Debug, Default)]
pub(super) struct ForgottenChannels {
    hashes: HashSet<u64, RandomState>,
    has_lost_some: bool,
}

impl ForgottenChannels {
    /// Notes that a channel was forgotten; the notes take at most so many bytes.
    pub(super) fn note(&mut self, channel: u64, bytes_max: usize) {
        self.hashes.insert(channel);
        if self.hashes.allocation_size() > bytes_max {
            self.hashes = HashSet::default();
            self.has_lost_some = true;
        }
    }

    /// Tells whether a channel may have been forgotten.
    pub(super) fn may_have(&self, channel: u64) -> bool {
        self.has_lost_some || self.hashes.contains(&channel)
    }

    /// Takes the note of a channel that is written to again; tells whether it may have been
    /// forgotten.
    pub(super) fn take(&mut self, channel: u64) -> bool {
        self.hashes.remove(&channel) || self.has_lost_some
    }

    /// Returns the bytes of memory that it holds.
    pub(super) fn bytes(&self) -> usize {
        self.hashes.allocation_size()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_forgotten_is_known_and_in_doubt_everything_is() {
        let mut forgotten = ForgottenChannels::default();
        assert!(!forgotten.may_have(1));
        forgotten.note(1, 4_096);
        assert!(forgotten.may_have(1) && !forgotten.may_have(2));
        assert!(forgotten.take(1) && !forgotten.may_have(1) && !forgotten.take(1));
        for channel in 0..10_000 {
            forgotten.note(channel, 4_096);
            assert!(forgotten.bytes() <= 4_096 && forgotten.may_have(channel));
        }
        assert!(forgotten.may_have(20_000));
    }
}
