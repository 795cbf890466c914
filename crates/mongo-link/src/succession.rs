//! When a client that sees no primary gets a successor.

use std::time::Duration;

use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::topology::Seen;

/// Says when another client is to look for the servers of the address.
///
/// ```text
///  a server answers as one without a set ──► the driver leaves it out, for good if no other names it
///  none is left                          ──► a successor at once, then after 0.5 s, 1 s, … 5 s at most
///  no primary for 10 s                   ──► a successor, which is used if it finds one
/// ```
///
/// This is pure: the time is an argument.
#[derive(Debug)]
pub(crate) struct Succession {
    lost_at: Option<Instant>,
    /// Not before this is the next one made.
    next: Option<Instant>,
    backoff: Backoff,
}

impl Succession {
    pub(crate) fn new() -> Self {
        Self { lost_at: None, next: None, backoff: Backoff::new(WAIT_FIRST, WAIT_MAX) }
    }

    /// Takes note of a client that sees no primary, and returns whether it gets a successor now.
    pub(crate) fn is_due(&mut self, seen: &Seen, now: Instant) -> bool {
        let lost_at = *self.lost_at.get_or_insert(now);
        let may_recover = !seen.has_no_server && now < lost_at + LONG;
        if may_recover || self.next.is_some_and(|next| now < next) {
            return false;
        }
        self.next = Some(now + self.backoff.failed());
        true
    }

    /// Takes note that a primary answers.
    pub(crate) fn is_over(&mut self) {
        *self = Self::new();
    }
}

/// How long the wait before the second successor is at most: the first, and any.
const WAIT_FIRST: Duration = Duration::from_millis(500);
const WAIT_MAX: Duration = Duration::from_secs(5);

/// How long a client may see no primary before another one looks, too.
///
/// An election with the settings that replica sets have from the beginning takes about as long.
const LONG: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_without_a_server_gets_a_successor_at_once_and_others_after_a_while() {
        let (empty, away) = (Seen { has_no_server: true, ..Seen::default() }, Seen::default());
        let now = Instant::now();
        let mut succession = Succession::new();
        assert!(succession.is_due(&empty, now));
        assert!(!succession.is_due(&empty, now), "the next one waits");
        assert!(succession.is_due(&empty, now + WAIT_FIRST));

        succession.is_over();
        assert!(!succession.is_due(&away, now));
        assert!(!succession.is_due(&away, now + LONG / 2));
        assert!(succession.is_due(&away, now + LONG));
    }

    #[test]
    fn waits_between_successors_are_bounded() {
        let empty = Seen { has_no_server: true, ..Seen::default() };
        let (mut succession, mut now) = (Succession::new(), Instant::now());
        for _ in 0..100 {
            assert!(succession.is_due(&empty, now));
            now += WAIT_MAX;
        }
    }
}
