//! One fault that shows in several places: a line at its begin, one at its end.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::config::Config;

/// A server that is away, as those notice who use it. Cloning shares it.
///
/// Sequences, what others say and what is said to others are three uses of one Redis, and go out
/// and come back with it. Whoever notices first has the log told, and whoever is the last to be
/// well. What it is told is the same whoever that is; only the error is that of the first.
#[derive(Debug, Clone)]
pub(super) struct Trouble(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    what: Troubled,
    shown: Mutex<Shown>,
}

/// How much later it is: `telling::poll` looks at the inboxes that often without being told.
const HEARD_LATER: &str = "is heard about a second later, or half a minute where a node does not notice that \
                           it hears nothing";

/// What is in trouble.
#[derive(Debug, PartialEq, Eq)]
enum Troubled {
    /// The Redis at this address, which is for people.
    #[cfg(feature = "redis")]
    Redis(String),
    /// The change stream by which nodes hear each other without a Redis.
    Mongo,
}

#[derive(Debug, Default)]
struct Shown {
    /// Where it shows now; a place is there as often as it shows there.
    places: Vec<String>,
    since: Option<Instant>,
}

impl Trouble {
    /// Creates what is in no trouble yet: the Redis of these settings, or the way without one.
    pub(super) fn of(config: &Config) -> Self {
        Self(Arc::new(Inner { what: Troubled::of(config), shown: Mutex::default() }))
    }

    /// Notes that it shows in a place, and returns whether the log was told, as that is the first.
    ///
    /// It may show there more than once, as when a server of a cluster loses some hash tags first
    /// and others later. Each time [ends](Self::ends) by itself.
    pub(super) fn begins(&self, place: &str, why: &dyn Display) -> bool {
        let mut shown = self.0.shown.lock();
        shown.places.push(place.to_owned());
        let is_first = shown.since.is_none();
        shown.since.get_or_insert_with(Instant::now);
        drop(shown);
        if is_first {
            tracing::warn!(error = %format_args!("{why:#}"), "{}", self.0.what.begin());
        } else {
            tracing::debug!(error = %format_args!("{why:#}"), "it shows in another place, {place}");
        }
        is_first
    }

    /// Notes that it is over in a place.
    ///
    /// Returns how long it lasted, if it is over everywhere: then the log was told.
    pub(super) fn ends(&self, place: &str) -> Option<Duration> {
        let mut shown = self.0.shown.lock();
        if let Some(at) = shown.places.iter().position(|known| known == place) {
            shown.places.swap_remove(at);
        }
        let Some(since) = shown.since.filter(|_| shown.places.is_empty()) else {
            tracing::debug!("{place} works again for the timeline store");
            return None;
        };
        shown.since = None;
        drop(shown);
        let after = since.elapsed();
        tracing::info!(?after, "{}", self.0.what.end());
        Some(after)
    }
}

impl Troubled {
    #[cfg(feature = "redis")]
    fn of(config: &Config) -> Self {
        let Some(url) = &config.redis else { return Self::Mongo };
        // One that cannot be read is an error of the start.
        Self::Redis(
            redis_link::Address::parse(url).map_or_else(|_| String::new(), |address| address.to_string()),
        )
    }

    #[cfg(not(feature = "redis"))]
    fn of(_config: &Config) -> Self {
        Self::Mongo
    }

    /// What the log is told when it begins.
    fn begin(&self) -> String {
        match self {
            #[cfg(feature = "redis")]
            Self::Redis(address) => format!(
                "redis at {address} does not serve the timelines; until it does, sequences are found in \
                 mongodb, which takes longer, and what other nodes write {HEARD_LATER}"
            ),
            Self::Mongo => format!(
                "the nodes of the timeline store do not hear each other through mongodb; until they do, what \
                 other nodes write {HEARD_LATER}"
            ),
        }
    }

    /// What it is told when it is over.
    fn end(&self) -> String {
        match self {
            #[cfg(feature = "redis")]
            Self::Redis(address) => format!("redis at {address} serves the timelines again"),
            Self::Mongo => "the nodes of the timeline store hear each other again".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_place_tells_that_it_begins_and_the_last_that_it_is_over() {
        let trouble = Trouble::of(&Config::new("mongodb://localhost"));
        assert_eq!(trouble.ends("a"), None, "there is none");
        assert!(trouble.begins("a", &"it hangs"));
        assert!(!trouble.begins("b", &"it hangs") && !trouble.begins("a", &"it is away"));
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(trouble.ends("a"), None);
        assert_eq!(trouble.ends("b"), None, "it shows in a once more");
        assert_eq!(trouble.ends("a"), Some(Duration::from_secs(3)));
        assert!(trouble.begins("b", &"it hangs"));
    }

    #[cfg(feature = "redis")]
    #[test]
    fn the_redis_is_named_without_its_password() {
        let config = Config::new("mongodb://localhost").redis("redis://user:secret@10.0.0.8:6379");
        let what = Troubled::of(&config);
        let [begin, end] = [what.begin(), what.end()];
        assert!(
            begin.contains("10.0.0.8:6379 does not serve") && end.contains("10.0.0.8:6379 serves"),
            "{begin}"
        );
        assert!(!begin.contains("secret") && !end.contains("secret"), "{begin} {end}");
        assert_eq!(Troubled::of(&Config::new("mongodb://localhost")), Troubled::Mongo);
    }
}
