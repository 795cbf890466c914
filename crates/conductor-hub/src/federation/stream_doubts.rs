//! Streams behind a gap that most likely lacks nothing of theirs; pure.

use std::time::Duration;

use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};
use tokio::time::Instant;

use super::node_id::NodeId;

/// How long a stream may be in doubt.
///
/// Its end may be what is missing, and then nothing of its channel need ever come.
pub(crate) const DOUBT_MAX: Duration = Duration::from_secs(5);

/// Channels by origin.
pub(crate) type OriginChannels = HashMap<NodeId, HashSet<Box<str>, RandomState>, RandomState>;

/// The channels whose open streams may lack a piece, by origin, and since when.
#[derive(Debug, Default)]
pub(crate) struct StreamDoubts(HashMap<NodeId, HashMap<Box<str>, Instant, RandomState>, RandomState>);

impl StreamDoubts {
    /// Notes that an origin's streams in these channels are in doubt.
    pub(crate) fn note<'a>(&mut self, origin: NodeId, channels: impl Iterator<Item = &'a str>, now: Instant) {
        let mut channels = channels.peekable();
        if channels.peek().is_none() {
            return;
        }
        let doubted = self.0.entry(origin).or_default();
        for channel in channels {
            // Looked for before it is copied: behind one gap after another most are known.
            if !doubted.contains_key(channel) {
                doubted.insert(channel.into(), now);
            }
        }
    }

    /// Takes note of a parcel; tells whether the streams in its channel lack a piece.
    ///
    /// `is_next` says whether it follows on what was taken of the channel before.
    pub(crate) fn settle(&mut self, origin: NodeId, channel: &str, is_next: bool) -> bool {
        let Some(channels) = self.0.get_mut(&origin) else { return false };
        let was_in_doubt = channels.remove(channel).is_some();
        if channels.is_empty() {
            self.0.remove(&origin);
        }
        was_in_doubt && !is_next
    }

    /// Forgets an origin, whose streams have all ended.
    pub(crate) fn forget(&mut self, origin: NodeId) {
        self.0.remove(&origin);
    }

    /// Takes out those that were in doubt for too long.
    pub(crate) fn expire(&mut self, now: Instant) -> OriginChannels {
        let mut expired = OriginChannels::default();
        self.0.retain(|origin, channels| {
            channels.retain(|channel, since| {
                let stays = now < *since + DOUBT_MAX;
                if !stays {
                    expired.entry(*origin).or_default().insert(channel.clone());
                }
                stays
            });
            !channels.is_empty()
        });
        expired
    }
}

#[cfg(test)]
mod tests {
    use std::iter::once;

    use super::*;

    const ORIGIN: NodeId = NodeId::from_bytes([1; 16]);
    const OTHER: NodeId = NodeId::from_bytes([2; 16]);

    #[test]
    fn the_next_parcel_of_a_channel_says_whether_its_streams_are_whole() {
        let (now, mut doubts) = (Instant::now(), StreamDoubts::default());
        assert!(!doubts.settle(ORIGIN, "tea", false), "they were never in doubt");
        doubts.note(ORIGIN, ["tea", "cake", "milk"].into_iter(), now);
        assert!(!doubts.settle(OTHER, "tea", false), "it is another origin's");
        assert!(!doubts.settle(ORIGIN, "tea", true) && doubts.settle(ORIGIN, "cake", false));
        assert!(!doubts.settle(ORIGIN, "tea", false) && !doubts.settle(ORIGIN, "cake", false), "once");
        doubts.forget(ORIGIN);
        assert!(!doubts.settle(ORIGIN, "milk", false), "they have ended");
        assert!(doubts.0.is_empty());
    }

    #[test]
    fn a_doubt_lasts_5_s_from_the_first_gap_on() {
        let (now, mut doubts) = (Instant::now(), StreamDoubts::default());
        doubts.note(ORIGIN, once("tea"), now);
        doubts.note(ORIGIN, ["tea", "cake"].into_iter(), now + DOUBT_MAX / 2);
        let expired = |channel: &str| {
            let channels = once(Box::<str>::from(channel)).collect();
            OriginChannels::from_iter([(ORIGIN, channels)])
        };
        assert!(doubts.expire(now + DOUBT_MAX - Duration::from_millis(1)).is_empty());
        assert_eq!(doubts.expire(now + DOUBT_MAX), expired("tea"));
        assert_eq!(doubts.expire(now + DOUBT_MAX * 2), expired("cake"));
        assert!(doubts.0.is_empty());
    }
}
