//! What the stores are told to keep, by number and by age.

use std::time::Duration;

use proptest::prelude::*;
use timeline::{Keep, Retention};

/// By how much the clock of the stores goes on at once: 20 minutes.
pub(super) const TICK_MS: i64 = 20 * 60 * 1_000;

/// How long entries are kept that go with their age.
///
/// It is far from every number of ticks: how long a run takes makes no difference.
const AGE: Duration = Duration::from_secs(50 * 60);

/// After how many ticks they go.
pub(super) const AGE_TICKS: u64 = 3;

/// How many entries stay, and whether they go with their age; below 10 nothing stays beyond that.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    pub(super) histories: Option<u64>,
    pub(super) inboxes: Option<u64>,
    pub(super) ages_histories: bool,
    pub(super) ages_inboxes: bool,
}

pub(super) fn kept() -> impl Strategy<Value = Kept> {
    let numbers = (prop::option::of(3..8_u64), prop::option::weighted(0.3, 5..9_u64));
    (numbers, any::<bool>(), any::<bool>()).prop_map(
        |((histories, inboxes), ages_histories, ages_inboxes)| Kept {
            histories,
            inboxes,
            ages_histories,
            ages_inboxes,
        },
    )
}

impl Kept {
    pub(super) fn retention(self) -> Retention {
        let keep = |entries: Option<u64>, is_aged: bool| {
            let keep = entries.map_or_else(Keep::everything, |entries| Keep::everything().entries(entries));
            if is_aged { keep.age(AGE) } else { keep }
        };
        let histories = keep(self.histories, self.ages_histories);
        let inboxes = keep(self.inboxes, self.ages_inboxes);
        Retention::new().pairs(histories).groups(histories).inboxes(inboxes)
    }
}
