//! The last entries of inboxes that somebody reads page by page.

use std::time::Duration;

use parking_lot::Mutex;
use quick_cache::unsync::Cache;
use tokio::time::Instant;

use super::super::box_id::BoxId;
use crate::Seq;

/// The highest sequences that were read of boxes, for a moment.
///
/// Who reads a long inbox asks for page after page, and each says how far the inbox goes. Looking
/// that up each time would double what a page costs.
pub(in crate::distributed) struct Newest {
    boxes: Mutex<Cache<BoxId, (Seq, Instant)>>,
}

/// How long a sequence is given to further pages.
///
/// What comes meanwhile is met by whoever reads on: behind a full page there is another one.
const RECENT: Duration = Duration::from_millis(500);

/// How many boxes are known.
const BOXES_MAX: usize = 4_096;

impl Newest {
    pub(in crate::distributed) fn new() -> Self {
        Self { boxes: Mutex::new(Cache::new(BOXES_MAX)) }
    }

    /// Returns what was read a moment ago, if it lies beyond what a page has.
    pub(super) fn beyond(&self, boxed: &BoxId, reached: Seq, now: Instant) -> Option<Seq> {
        let boxes = self.boxes.lock();
        let (newest, read_at) = boxes.peek(boxed)?;
        (*newest > reached && now < *read_at + RECENT).then_some(*newest)
    }

    /// Notes what a read of the primary has found, which began then.
    pub(super) fn note(&self, boxed: &BoxId, newest: Seq, read_at: Instant) {
        self.boxes.lock().insert(boxed.clone(), (newest, read_at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemberId;

    #[test]
    fn a_sequence_is_known_for_a_moment_and_never_behind_what_was_reached() {
        let (newest, now) = (Newest::new(), Instant::now());
        let inbox = BoxId::inbox(&MemberId::new("a").unwrap());
        let seq = |number| Seq::new(number).unwrap();
        assert_eq!(newest.beyond(&inbox, seq(1), now), None);
        newest.note(&inbox, seq(9), now);
        assert_eq!(newest.beyond(&inbox, seq(8), now), Some(seq(9)));
        assert_eq!(newest.beyond(&inbox, seq(9), now), None, "the page behind it has more");
        assert_eq!(newest.beyond(&inbox, seq(8), now + RECENT), None);
    }
}
