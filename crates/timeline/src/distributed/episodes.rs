//! What comes many times in one outage: a line when it begins, one when it is over.
//!
//! ```text
//!  ──► begins: a line ──► more of it: debug, and counted ──► 10 s without any: a line with the total
//! ```

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::Error;

/// The outages of which parts tell more than once.
#[derive(Debug, Default)]
pub(super) struct Episodes {
    places: Episode,
    unknown: Episode,
    ended: Episode,
}

/// How long it has to be quiet until something is over.
const QUIET: Duration = Duration::from_secs(10);

impl Episodes {
    /// Notes places of boxes that were closed.
    pub(super) fn places_closed(&self, places: u64) {
        if self.places.note(places, Instant::now()) {
            tracing::info!(
                "places in inboxes or histories were reserved and not used, as when a node dies in the middle \
                 of a send: they are closed, and no message is lost by that"
            );
        }
    }

    /// Notes sends whose callers were told that the outcome is unknown.
    pub(super) fn unknown_outcomes(&self, sends: usize, error: &Error) {
        if self.unknown.note(sends as u64, Instant::now()) {
            tracing::warn!(
                "mongodb does not say in time whether messages are stored; their senders are told to repeat \
                 them: {error:#}"
            );
        } else {
            tracing::debug!("nor whether {sends} more messages are stored: {error:#}");
        }
    }

    /// Notes that this node ended what another one had begun before it died.
    pub(super) fn intent_ended(&self, node: &str, age: Duration) {
        if self.ended.note(1, Instant::now()) {
            tracing::info!("node {node} does not end what it has begun, so this node does");
        }
        tracing::debug!("what node {node} had begun {age:?} before was ended by this one");
    }

    /// Tells of what is over.
    pub(super) fn tell_over(&self) {
        let now = Instant::now();
        if let Some(Total { count, took }) = self.places.over(now) {
            tracing::info!("{count} places that were reserved and not used were closed within {took:?}");
        }
        if let Some(Total { count, took }) = self.unknown.over(now) {
            tracing::info!(
                "mongodb says in time what is stored: the senders of {count} messages were told to repeat \
                 them within {took:?}"
            );
        }
        if let Some(Total { count, took }) = self.ended.over(now) {
            tracing::info!(
                "what other nodes had begun is ended: this node did so {count} times within {took:?}"
            );
        }
    }
}

/// Something that goes on until it was quiet for a while.
#[derive(Debug, Default)]
struct Episode(Mutex<Option<Course>>);

#[derive(Debug)]
struct Course {
    begun: Instant,
    last: Instant,
    count: u64,
}

/// What an episode came to.
#[derive(Debug, PartialEq, Eq)]
struct Total {
    count: u64,
    took: Duration,
}

impl Episode {
    /// Notes some of it, and returns whether it begins.
    fn note(&self, count: u64, now: Instant) -> bool {
        let mut course = self.0.lock();
        let begins = course.is_none();
        let course = course.get_or_insert(Course { begun: now, last: now, count: 0 });
        (course.last, course.count) = (now, course.count.saturating_add(count));
        begins
    }

    /// Ends it if it was quiet for a while, and returns what it came to.
    fn over(&self, now: Instant) -> Option<Total> {
        let mut course = self.0.lock();
        let over = course.take_if(|course| now.saturating_duration_since(course.last) >= QUIET)?;
        Some(Total { count: over.count, took: over.last.saturating_duration_since(over.begun) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_episode_is_told_when_it_begins_and_with_its_total_when_it_is_over() {
        let (episode, begun) = (Episode::default(), Instant::now());
        assert!(episode.over(begun).is_none());
        assert!(episode.note(3, begun));
        let later = begun + Duration::from_secs(9);
        assert!(!episode.note(4, later));
        assert!(episode.over(begun + QUIET).is_none(), "it goes on");
        let total = Total { count: 7, took: Duration::from_secs(9) };
        assert_eq!(episode.over(later + QUIET), Some(total));
        assert!(episode.over(later + 2 * QUIET).is_none());
        assert!(episode.note(1, later + 2 * QUIET), "another one");
    }
}
