//! Places for one store each, on servers that all tests of this program share.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mongodb::bson::Document;
use test_support::{Mongo, Redis, require, unique};
use timeline::contract::World;
use timeline::distributed::{Config, DistributedStore};
use timeline::{Observer, Retention, State, Store};
use tokio::sync::OnceCell;
use tokio::time::timeout;

/// A time that only a hang reaches.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A database, and a prefix in Redis, that nobody else uses.
pub(crate) struct Place {
    mongo: &'static Mongo,
    redis: Option<&'static Redis>,
    database: String,
}

impl Place {
    /// Returns a place on MongoDB alone; `None` where there is none.
    pub(crate) async fn on_mongo() -> Option<Self> {
        static SERVER: OnceCell<Mongo> = OnceCell::const_new();
        let mongo = require(SERVER.get_or_try_init(Mongo::start).await)?;
        Some(Self { mongo, redis: None, database: unique("timeline") })
    }

    /// Returns a place on both; `None` where one is missing.
    pub(crate) async fn on_redis_and_mongo() -> Option<Self> {
        static SERVER: OnceCell<Redis> = OnceCell::const_new();
        let redis = require(SERVER.get_or_try_init(Redis::start).await)?;
        Some(Self { redis: Some(redis), ..Self::on_mongo().await? })
    }

    /// Returns the settings of a store of this place.
    pub(crate) fn config(&self) -> Config {
        let config = Config::new(self.mongo.url()).database(&*self.database);
        match self.redis {
            Some(redis) => config.redis(redis.url()).redis_prefix(format!("{}:", self.database)),
            None => config,
        }
    }

    /// Returns the same for the laws, which a busy disk must not break.
    fn patient(&self) -> Config {
        self.config().timeout(PATIENCE)
    }

    pub(crate) fn mongo_url(&self) -> &str {
        self.mongo.url()
    }

    pub(crate) fn redis_url(&self) -> Option<&str> {
        self.redis.map(Redis::url)
    }

    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    /// Runs a command on the database, past the store.
    pub(crate) async fn command(&self, command: Document) -> Document {
        self.mongo.command(&self.database, command).await.unwrap()
    }
}

/// Starts a store, and returns once it takes calls.
pub(crate) async fn open(config: Config) -> Arc<DistributedStore> {
    let store = Arc::new(DistributedStore::start(config).await.unwrap());
    opened(&*store).await;
    store
}

/// Waits until a store takes calls.
pub(crate) async fn opened(store: &dyn Store) {
    let mut state = store.state();
    let is_well = timeout(PATIENCE, state.wait_for(State::is_well)).await.is_ok_and(|found| found.is_ok());
    assert!(is_well, "{}", *state.borrow());
}

#[async_trait]
impl World for Place {
    async fn start(&self) -> Arc<dyn Store> {
        open(self.patient()).await
    }

    async fn start_observed(&self, observer: Arc<dyn Observer>) -> Arc<dyn Store> {
        open(self.patient().observer(observer)).await
    }

    async fn start_keeping(&self, retention: Retention) -> Arc<dyn Store> {
        open(self.patient().retention(retention)).await
    }
}
