//! What is told once although it happens to every shard of both spaces.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// What was told of late, and when.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<HashMap<String, Instant>>);

/// How long the same is not told again.
const QUIET: Duration = Duration::from_secs(30);

impl Told {
    /// Returns whether this was not told of late; from now on it was.
    pub(super) fn is_news(&self, what: &str, now: Instant) -> bool {
        let mut told = self.0.lock();
        told.retain(|_, at| now.duration_since(*at) < QUIET);
        if told.contains_key(what) {
            return false;
        }
        told.insert(what.to_owned(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_told_once_until_it_is_old() {
        let (told, now) = (Told::default(), Instant::now());
        let heard = ["a", "b", "a", "b"].map(|what| told.is_news(what, now));
        assert_eq!(heard, [true, true, false, false]);
        assert!(!told.is_news("a", now + QUIET / 2));
        assert!(told.is_news("a", now + QUIET));
        assert_eq!(told.0.lock().len(), 1, "what is old is forgotten");
    }
}
