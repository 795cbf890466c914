//! Whether the known masters deny the known map, so that an older one counts.
//!
//! This module is pure.

use std::time::Duration;

use tokio::time::Instant;

use crate::slots::ServerName;

/// What the known masters that are connected to say about the known map, round after round.
///
/// A map of a lower epoch comes from a server that slept or was cut off, and has no say, or from a
/// cluster that was built anew, whose epochs begin again. In the second case the known masters know
/// nothing of the old map: they are gone, belong to the new cluster or to none.
#[derive(Debug, Default)]
pub(crate) struct Denial {
    suspected: bool,
    /// Since when all of them deny it.
    since: Option<Instant>,
}

impl Denial {
    /// Somebody told the known map or a later one.
    pub(crate) fn ends(&mut self) {
        *self = Self::default();
    }

    /// Nobody told the known map or a later one. Tells whether an older one counts: at once if none
    /// of the known masters is connected to, otherwise when all that are have denied the known one
    /// for a while.
    pub(crate) fn goes_on(&mut self, connected: &[ServerName], deniers: &[ServerName], now: Instant) -> bool {
        self.suspected = true;
        if connected.is_empty() {
            self.since = None;
            return true;
        }
        if !connected.iter().all(|name| deniers.contains(name)) {
            self.since = None;
            return false;
        }
        now >= *self.since.get_or_insert(now) + DENIED_FOR
    }

    /// Whether nobody told the known map or a later one in the last round. Then all masters are
    /// asked, and soon again.
    pub(crate) fn is_suspected(&self) -> bool {
        self.suspected
    }
}

/// For how long masters that are connected to deny the known map before an older one counts. It is
/// several rounds.
const DENIED_FOR: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<ServerName> {
        names.iter().map(|name| ServerName::from(*name)).collect()
    }

    #[test]
    fn older_map_counts_when_all_who_are_connected_to_deny_the_known_one_for_a_while() {
        let (mut denial, both, now) = (Denial::default(), names(&["a:1", "b:2"]), Instant::now());
        assert!(!denial.is_suspected());
        assert!(!denial.goes_on(&both, &both, now));
        assert!(denial.is_suspected());
        assert!(!denial.goes_on(&both, &both, now + DENIED_FOR / 2));
        assert!(denial.goes_on(&both[..1], &both, now + DENIED_FOR));
    }

    #[test]
    fn one_who_sleeps_and_wakes_has_no_say_against_another_who_is_connected_to() {
        let (mut denial, both, now) = (Denial::default(), names(&["a:1", "b:2"]), Instant::now());
        for round in 0..10 {
            assert!(!denial.goes_on(&both, &both[..1], now + DENIED_FOR * round));
        }
    }

    #[test]
    fn row_begins_again_when_somebody_knows_the_map_or_does_not_answer() {
        let (mut denial, both, now) = (Denial::default(), names(&["a:1", "b:2"]), Instant::now());
        assert!(!denial.goes_on(&both, &both, now));
        denial.ends();
        assert!(!denial.is_suspected());
        assert!(!denial.goes_on(&both, &both, now + DENIED_FOR));
        assert!(!denial.goes_on(&both, &[], now + DENIED_FOR));
        assert!(!denial.goes_on(&both, &both, now + DENIED_FOR * 2));
        assert!(denial.goes_on(&both, &both, now + DENIED_FOR * 3));
    }

    #[test]
    fn older_map_counts_at_once_when_nobody_is_connected_to() {
        assert!(Denial::default().goes_on(&[], &[], Instant::now()));
    }
}
