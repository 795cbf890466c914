//! One fault that shows in several places: a line at its begin, one at its end.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// A server that is away, as those notice who use it. Cloning shares it.
///
/// Sequences, what others say and what is said to others are three uses of one Redis, and go out
/// and come back with it. Whoever notices first tells the log, and whoever is the last to be well.
#[derive(Debug, Clone, Default)]
pub(super) struct Trouble(Arc<Mutex<Shown>>);

#[derive(Debug, Default)]
struct Shown {
    /// Where it shows now.
    places: Vec<String>,
    since: Option<Instant>,
}

impl Trouble {
    /// Notes that it shows in a place, and returns whether that is the first one.
    pub(super) fn begins(&self, place: &str) -> bool {
        let mut shown = self.0.lock();
        if !shown.places.iter().any(|known| known == place) {
            shown.places.push(place.to_owned());
        }
        let is_first = shown.since.is_none();
        shown.since.get_or_insert_with(Instant::now);
        is_first
    }

    /// Notes that it is over in a place.
    ///
    /// Returns how long it lasted, if it is over everywhere.
    pub(super) fn ends(&self, place: &str) -> Option<Duration> {
        let mut shown = self.0.lock();
        shown.places.retain(|known| known != place);
        let since = shown.since.filter(|_| shown.places.is_empty())?;
        shown.since = None;
        Some(since.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_place_tells_that_it_begins_and_the_last_that_it_is_over() {
        let trouble = Trouble::default();
        assert_eq!(trouble.ends("a"), None, "there is none");
        assert!(trouble.begins("a"));
        assert!(!trouble.begins("b") && !trouble.begins("a"));
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(trouble.ends("a"), None);
        assert_eq!(trouble.ends("b"), Some(Duration::from_secs(3)));
        assert!(trouble.begins("b"));
    }
}
