//! Decides whether a map with a lower epoch replaces the known one.
//!
//! This module is pure.

use std::time::Duration;

use tokio::time::Instant;

use crate::slots::ServerName;

/// Whether the masters of the known map deny it, round after round.
///
/// A map with a lower epoch comes from one of two servers. Either the server stood still or was cut
/// off; then its map is out of date and must not be used. Or the cluster was built anew, and its
/// epochs begin again. Then the masters of the known map know nothing of it: each of them is gone,
/// belongs to the new cluster, or belongs to none.
#[derive(Debug, Default)]
pub(crate) struct Denial {
    suspected: bool,
    /// Since when all masters that are connected to have denied the map.
    since: Option<Instant>,
}

impl Denial {
    /// Notes a round in which some server reported the known map or a later one.
    pub(crate) fn ends(&mut self) {
        *self = Self::default();
    }

    /// Notes a round in which no server reported the known map or a later one.
    ///
    /// Returns whether an older map counts: at once if no known master is connected to, and
    /// otherwise when all that are connected to have denied the known map for a while.
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

    /// Returns whether no server reported the known map or a later one in the last round.
    ///
    /// Then all masters are asked in the next one, which comes soon.
    pub(crate) fn is_suspected(&self) -> bool {
        self.suspected
    }
}

/// How long the masters must deny the known map before an older one counts.
///
/// It is longer than one round, so that a single answer does not decide.
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
    fn denial_begins_again_when_somebody_knows_the_map_or_does_not_answer() {
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
