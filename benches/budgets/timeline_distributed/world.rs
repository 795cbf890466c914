//! A MongoDB and a Redis of a measurement's own, and nodes on them.

use std::error::Error;
use std::time::Duration;

use benches::process;
use bson::doc;
use futures_util::future::try_join;
use mongodb::Client;
use test_support::{Mongo, Redis};
use timeline::distributed::{Config, DistributedStore, GROUP_MEMBERS_MAX};
use timeline::{State, Store, Timeline};
use tokio::time::timeout;

/// Who gives out sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    RedisAndMongo,
    Mongo,
}

/// Both servers; ended when dropped.
pub(crate) struct World {
    pub(crate) mongo: Mongo,
    pub(crate) redis: Redis,
}

impl World {
    pub(crate) async fn start() -> Result<Self, Box<dyn Error>> {
        let (mongo, redis) = try_join(Mongo::private(), Redis::private()).await?;
        // The server of a test has a cache so small that most of its time goes into emptying it,
        // the more the longer it runs: then what is measured later would look dearer.
        let cache = doc! { "setParameter": 1, "wiredTigerEngineRuntimeConfig": CACHE };
        mongo.command("admin", cache).await?;
        Ok(Self { mongo, redis })
    }

    /// Starts a node, and returns once it takes calls.
    pub(crate) async fn node(&self, mode: Mode) -> Result<Timeline, Box<dyn Error>> {
        open(self.config(mode)).await
    }

    pub(crate) fn config(&self, mode: Mode) -> Config {
        config(self.mongo.url(), (mode == Mode::RedisAndMongo).then(|| self.redis.url()))
    }

    /// Connects as a program without the store does, with what the store asks of the server.
    ///
    /// The pool is as large as that of the Go driver.
    pub(crate) async fn client(&self) -> Result<Client, mongodb::error::Error> {
        let options = "w=majority&journal=true&readConcernLevel=majority&maxPoolSize=100";
        Client::with_uri_str(format!("{}&{options}", self.mongo.url())).await
    }

    /// The processor time that mongod has used so far, in nanoseconds.
    pub(crate) fn mongod_ns(&self) -> Result<f64, Box<dyn Error>> {
        process::cpu_ns(&self.mongo.process_id().ok_or("mongod is not ours")?.to_string())
    }

    /// The processor time that Redis has used so far, in nanoseconds.
    pub(crate) fn redis_ns(&self) -> Result<f64, Box<dyn Error>> {
        process::cpu_ns(&self.redis.process_id().ok_or("Redis is not ours")?.to_string())
    }
}

/// Settings that all nodes share.
pub(crate) fn config(mongo: &str, redis: Option<&str>) -> Config {
    let config = Config::new(mongo).database(DATABASE);
    match redis {
        Some(redis) => config.redis(redis),
        None => config,
    }
}

/// Starts a node, and returns once it takes calls.
pub(crate) async fn open(config: Config) -> Result<Timeline, Box<dyn Error>> {
    let store = DistributedStore::start(config).await?;
    let mut state = store.state();
    timeout(PATIENCE, state.wait_for(State::is_well))
        .await
        .map_err(|_elapsed| "the store does not open")??;
    Ok(Timeline::start(timeline::Config::default().group_members_max(GROUP_MEMBERS_MAX), store)?)
}

/// Ends a node, which takes no minute.
pub(crate) async fn ended(timeline: &Timeline) -> Result<(), Box<dyn Error>> {
    let ended = timeline.shutdown(PATIENCE).await;
    if ended { Ok(()) } else { Err("the timeline did not end cleanly within a minute".into()) }
}

/// What mongod keeps in memory; a server that is there for this alone has more as a rule.
const CACHE: &str = "cache_size=1G";

/// The database of the store.
pub(crate) const DATABASE: &str = "im";

/// A time that only a hang reaches.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
