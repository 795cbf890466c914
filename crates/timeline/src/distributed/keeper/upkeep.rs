//! What this process has noted of boxes a moment ago.
//!
//! It need not be noted again.

use std::fmt;
use std::time::Duration;

use quick_cache::sync::Cache;
use tokio::time::Instant;

use crate::Seq;
use crate::distributed::box_id::BoxId;

/// What this process has noted of boxes.
pub(in crate::distributed) struct Upkeep {
    /// When a box was noted last as one that has grown.
    grown: Cache<BoxId, Instant>,
    /// When it was noted last as one that was freed.
    freed: Cache<BoxId, Instant>,
    /// The last floors that were read or made; a real one is no lower.
    floors: Cache<BoxId, Seq>,
}

/// How many boxes are known for each purpose.
const BOXES_MAX: usize = 100_000;

impl Upkeep {
    pub(in crate::distributed) fn new() -> Self {
        Self { grown: Cache::new(BOXES_MAX), freed: Cache::new(BOXES_MAX), floors: Cache::new(BOXES_MAX) }
    }

    /// Forgets everything, as the store is another one.
    pub(in crate::distributed) fn clear(&self) {
        self.grown.clear();
        self.freed.clear();
        self.floors.clear();
    }

    /// Returns whether a box was noted as grown within the last `period`.
    pub(super) fn has_grown(&self, boxed: &BoxId, period: Duration, now: Instant) -> bool {
        is_recent(self.grown.get(boxed), period, now)
    }

    /// Returns whether a box was noted as freed within the last `period`.
    pub(super) fn was_freed(&self, boxed: &BoxId, period: Duration, now: Instant) -> bool {
        is_recent(self.freed.get(boxed), period, now)
    }

    /// Takes note that a box was noted as grown; call it with the time before that.
    pub(super) fn note_grown(&self, boxed: &BoxId, now: Instant) {
        self.grown.insert(boxed.clone(), now);
    }

    /// Takes note that a box was noted as freed; call it with the time before that.
    pub(super) fn note_freed(&self, boxed: &BoxId, now: Instant) {
        self.freed.insert(boxed.clone(), now);
    }

    /// Returns a floor that the box has at least.
    pub(super) fn floor(&self, boxed: &BoxId) -> Seq {
        self.floors.get(boxed).unwrap_or_default()
    }

    pub(super) fn note_floor(&self, boxed: &BoxId, floor: Seq) {
        if floor > self.floor(boxed) {
            self.floors.insert(boxed.clone(), floor);
        }
    }
}

fn is_recent(noted: Option<Instant>, period: Duration, now: Instant) -> bool {
    noted.is_some_and(|noted| now.saturating_duration_since(noted) < period)
}

impl fmt::Debug for Upkeep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upkeep")
            .field("grown", &self.grown.len())
            .field("freed", &self.freed.len())
            .field("floors", &self.floors.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemberId;

    #[test]
    fn a_box_is_noted_again_when_the_period_is_over() {
        let (upkeep, now) = (Upkeep::new(), Instant::now());
        let (inbox, period) = (BoxId::inbox(&MemberId::new("a").unwrap()), Duration::from_secs(5));
        assert!(!upkeep.was_freed(&inbox, period, now));
        upkeep.note_freed(&inbox, now);
        assert!(upkeep.was_freed(&inbox, period, now) && !upkeep.has_grown(&inbox, period, now));
        assert!(!upkeep.was_freed(&inbox, period, now + period));
        upkeep.note_grown(&inbox, now + period);
        assert!(upkeep.has_grown(&inbox, period, now + period));
    }

    #[test]
    fn a_floor_that_is_known_does_not_fall() {
        let (upkeep, inbox) = (Upkeep::new(), BoxId::inbox(&MemberId::new("a").unwrap()));
        let [three, seven] = [3, 7].map(|number| Seq::new(number).unwrap());
        assert_eq!(upkeep.floor(&inbox), Seq::ZERO);
        upkeep.note_floor(&inbox, seven);
        upkeep.note_floor(&inbox, three);
        assert_eq!(upkeep.floor(&inbox), seven);
    }
}
