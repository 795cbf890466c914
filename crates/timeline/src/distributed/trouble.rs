//! One fault that shows in several places: a line at its begin, one at its end.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::config::Config;

/// A server that is away, as those notice who use it. Cloning shares it.
///
/// Sequences, what others say and what is said to others are three uses of one Redis, and mostly
/// go out and come back with it. Whoever notices first has the log told what fails there, and
/// whoever is the last to be well. Sequences, by which sends take longer, are told in any case; the
/// other two may fail without them, as when a channel is not permitted.
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

/// What fails with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failing {
    /// To give out sequences.
    #[cfg(feature = "redis")]
    Sequences,
    /// To hear what other nodes say.
    Hearing,
    /// To say something to them.
    Saying,
}

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
    /// What the log was told of since then.
    told: Vec<Failing>,
}

impl Trouble {
    /// Creates what is in no trouble yet: the Redis of these settings, or the way without one.
    pub(super) fn of(config: &Config) -> Self {
        Self(Arc::new(Inner { what: Troubled::of(config), shown: Mutex::default() }))
    }

    /// Notes that it shows in a place, and returns whether the log was told.
    ///
    /// It is told of what fails first, and of sequences also later.
    ///
    /// It may show there more than once, as when a server of a cluster loses some hash tags first
    /// and others later. Each time [ends](Self::ends) by itself.
    pub(super) fn begins(&self, failing: Failing, place: &str, why: &dyn Display) -> bool {
        let mut shown = self.0.shown.lock();
        shown.places.push(place.to_owned());
        shown.since.get_or_insert_with(Instant::now);
        let is_between_nodes = matches!(failing, Failing::Hearing | Failing::Saying);
        let is_told = if is_between_nodes { !shown.told.is_empty() } else { shown.told.contains(&failing) };
        if !is_told {
            shown.told.push(failing);
        }
        drop(shown);
        if is_told {
            tracing::debug!(error = %format_args!("{why:#}"), "it shows in another place, {place}");
        } else {
            tracing::warn!(error = %format_args!("{why:#}"), "{}", self.0.what.begin(failing));
        }
        !is_told
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
        shown.told.clear();
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
    fn begin(&self, failing: Failing) -> String {
        let way = match self {
            #[cfg(feature = "redis")]
            Self::Redis(address) => format!("redis at {address}"),
            Self::Mongo => "mongodb".to_owned(),
        };
        match failing {
            #[cfg(feature = "redis")]
            Failing::Sequences => format!(
                "{way} does not serve the timelines; until it does, sequences are found in mongodb, which \
                 takes longer, and what other nodes write {HEARD_LATER}"
            ),
            Failing::Hearing => format!(
                "this node does not hear the other nodes of the timeline store through {way}; until it does, \
                 what they write {HEARD_LATER}"
            ),
            Failing::Saying => format!(
                "this node cannot tell the other nodes of the timeline store through {way} what it writes; \
                 until it can, that {HEARD_LATER}"
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
        let begins = |failing: Failing, place: &str| trouble.begins(failing, place, &"it hangs");
        assert_eq!(trouble.ends("a"), None, "there is none");
        assert!(begins(Failing::Hearing, "a"));
        assert!(!begins(Failing::Saying, "b") && !begins(Failing::Hearing, "a"));
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(trouble.ends("a"), None);
        assert_eq!(trouble.ends("b"), None, "it shows in a once more");
        assert_eq!(trouble.ends("a"), Some(Duration::from_secs(3)));
        assert!(begins(Failing::Saying, "b"));
    }

    #[cfg(feature = "redis")]
    #[test]
    fn sequences_are_told_of_once_whatever_failed_first() {
        let trouble = Trouble::of(&Config::new("mongodb://localhost").redis("redis://10.0.0.8"));
        let begins = |failing: Failing, place: &str| trouble.begins(failing, place, &"it hangs");
        assert!(begins(Failing::Hearing, "hearing") && begins(Failing::Sequences, "server"));
        assert!(!begins(Failing::Sequences, "server") && !begins(Failing::Saying, "saying"));
        for (place, is_last) in [("hearing", false), ("server", false), ("saying", false), ("server", true)] {
            assert_eq!(trouble.ends(place).is_some(), is_last);
        }
        assert!(begins(Failing::Sequences, "server") && !begins(Failing::Hearing, "hearing"));
    }

    #[cfg(feature = "redis")]
    #[test]
    fn the_redis_is_named_without_its_password() {
        let config = Config::new("mongodb://localhost").redis("redis://user:secret@10.0.0.8:6379");
        let what = Troubled::of(&config);
        let [begin, end] = [what.begin(Failing::Sequences), what.end()];
        assert!(
            begin.contains("10.0.0.8:6379 does not serve") && end.contains("10.0.0.8:6379 serves"),
            "{begin}"
        );
        assert!(!begin.contains("secret") && !end.contains("secret"), "{begin} {end}");
        for failing in [Failing::Hearing, Failing::Saying] {
            let begin = what.begin(failing);
            assert!(begin.contains("10.0.0.8:6379") && !begin.contains("sequences"), "{begin}");
        }
        assert_eq!(Troubled::of(&Config::new("mongodb://localhost")), Troubled::Mongo);
    }
}
