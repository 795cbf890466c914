//! Where the store of the soak is, as its nodes are told.

use std::time::Duration;

use timeline::distributed::{Config, DistributedStore};
use timeline::{Result, Timeline};

use crate::talk::retention;

/// Two databases, or one.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) mongo: String,
    pub(crate) database: String,
    /// Without it the sequences come from MongoDB.
    pub(crate) redis: Option<String>,
    /// Whether histories are read from secondaries.
    pub(crate) from_secondaries: bool,
}

/// What a node is told of where it reads histories.
const SECONDARIES: &str = "secondaries";
const PRIMARY: &str = "primary";

/// How long a hole stays open; short, so that more of them are closed.
const GRACE: Duration = Duration::from_secs(1);

impl Place {
    /// Reads what [`arguments`](Self::arguments) gave.
    pub(crate) fn of(arguments: &[&str]) -> Option<Self> {
        let [from, mongo, database, redis @ ..] = arguments else { return None };
        let [mongo, database] = [mongo, database].map(|text| (*text).to_owned());
        let redis = redis.first().map(|redis| (*redis).to_owned());
        Some(Self { mongo, database, redis, from_secondaries: *from == SECONDARIES })
    }

    /// Returns it as arguments of a program.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &str> {
        let from = if self.from_secondaries { SECONDARIES } else { PRIMARY };
        [from, self.mongo.as_str(), &self.database].into_iter().chain(self.redis.as_deref())
    }

    /// Starts a node of the store, which may not take calls yet.
    pub(crate) async fn start(&self) -> Result<Timeline> {
        let config = Config::new(&self.mongo).database(&self.database).grace(GRACE).retention(retention());
        let config = config.histories_from_secondaries(self.from_secondaries);
        let config = match &self.redis {
            Some(redis) => config.redis(redis),
            None => config,
        };
        Timeline::start(timeline::Config::default(), DistributedStore::start(config).await?)
    }
}
