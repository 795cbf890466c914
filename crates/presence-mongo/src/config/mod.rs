//! Settings of a base.

mod bounds;

use std::ops::RangeInclusive;
use std::time::Duration;

use mongo_link::LinkConfig;

/// Settings of a base.
///
/// They begin with the way to the database; all else has a default, and a setter that takes and
/// returns the settings. Nothing is checked before [`Base::start`](crate::Base::start), whose error
/// names the setting, its value and its bounds.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use presence_mongo::Config;
///
/// let config = Config::new("mongodb://127.0.0.1:27017").base("agents").slot(Duration::from_secs(5));
/// # drop(config);
/// ```
#[derive(Debug, Clone)]
#[must_use = "settings do nothing until something is started with them"]
pub struct Config {
    pub(crate) link: LinkConfig,
    pub(crate) base: String,
    pub(crate) namespace: Option<String>,
    pub(crate) slot: Duration,
    pub(crate) detection: Detection,
    pub(crate) sync_timeout: Duration,
    pub(crate) prune_interval: Option<Duration>,
}

/// How watchers hear of starts and kills.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Detection {
    /// By a change stream, within milliseconds, and by polling where there is none.
    #[default]
    Stream,
    /// By polling alone, once in each time slot, as the original.
    Poll,
}

impl Config {
    /// The name of the base that is the default.
    pub const BASE_DEFAULT: &'static str = "presence";

    /// How long a time slot is by default.
    pub const SLOT_DEFAULT: Duration = Duration::from_secs(30);

    /// How long a time slot may be.
    pub const SLOT_BOUNDS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3_600);

    /// How long a sync waits for streams by default.
    pub const SYNC_TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

    /// How long a sync may wait for streams.
    pub const SYNC_TIMEOUT_BOUNDS: RangeInclusive<Duration> =
        Duration::from_millis(1)..=Duration::from_secs(600);

    /// How long it is from one pruning to the next by default.
    pub const PRUNE_INTERVAL_DEFAULT: Duration = Duration::from_secs(600);

    /// How long it may be from one pruning to the next.
    pub const PRUNE_INTERVAL_BOUNDS: RangeInclusive<Duration> =
        Duration::from_secs(1)..=Duration::from_secs(86_400);

    /// Begins the settings with an address, or with the settings of a link.
    ///
    /// The database is that of the address or of the link's settings. Whether a start is refused
    /// while the database is away, as by default, or begins not ready, is
    /// [`LinkConfig::when_away`].
    pub fn new(link: impl Into<LinkConfig>) -> Self {
        Self {
            link: link.into(),
            base: Self::BASE_DEFAULT.to_owned(),
            namespace: None,
            slot: Self::SLOT_DEFAULT,
            detection: Detection::default(),
            sync_timeout: Self::SYNC_TIMEOUT_DEFAULT,
            prune_interval: Some(Self::PRUNE_INTERVAL_DEFAULT),
        }
    }

    /// Sets the name of the base.
    ///
    /// Its collections are `<base>.seqs`, `<base>.beings` and `<base>.pings`. Default "presence".
    /// Another one keeps applications apart that share a database.
    pub fn base(self, base: impl Into<String>) -> Self {
        Self { base: base.into(), ..self }
    }

    /// Sets the namespace of the base that is started.
    ///
    /// [`Base::namespace`](crate::Base::namespace) gives others. Default: the unnamed one, with the
    /// layout of the original before it had models. A named one has that with models: the name
    /// takes the place of the model's UUID.
    pub fn namespace(self, namespace: impl Into<String>) -> Self {
        Self { namespace: Some(namespace.into()), ..self }
    }

    /// Sets how long a time slot is, in whole seconds.
    ///
    /// Default 30 s, 1 s to 1 h. Less notices sooner that a process has crashed, after two slots at
    /// most, and writes more often. All programs that use a namespace must have the same.
    pub fn slot(self, slot: Duration) -> Self {
        Self { slot, ..self }
    }

    /// Sets how watchers hear of starts and kills.
    ///
    /// Default [`Detection::Stream`]. Poll where a change stream costs more than it gives, as with
    /// very many processes that watch.
    pub fn detection(self, detection: Detection) -> Self {
        Self { detection, ..self }
    }

    /// Sets how long a sync of a watcher waits for its streams to be read.
    ///
    /// See [`Watcher::sync`](crate::Watcher::sync). Default 10 s, 1 ms to 10 min. More suits
    /// readers with long pauses.
    pub fn sync_timeout(self, sync_timeout: Duration) -> Self {
        Self { sync_timeout, ..self }
    }

    /// Sets how long it is from one pruning to the next.
    ///
    /// Default 10 min, 1 s to 24 h. `None` leaves it to [`Base::prune`](crate::Base::prune). Each
    /// pruning waits up to a quarter more, so that not all processes prune at once. Less keeps
    /// fewer documents.
    pub fn prune_interval(self, prune_interval: impl Into<Option<Duration>>) -> Self {
        Self { prune_interval: prune_interval.into(), ..self }
    }
}
