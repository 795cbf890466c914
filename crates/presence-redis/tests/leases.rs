//! The laws of every backend, against the leases layout on a real Redis.

use std::sync::Arc;
use std::time::Duration;

use presence_core::contract::{Terms, World};
use presence_core::{Error, ErrorKind, Presence};
use presence_redis::leases::{Config, Leases};
use test_support::Redis;
use tokio::runtime::{Builder, Runtime};

/// Each node a process of its own, as far as Redis can tell.
struct Standalone {
    /// Keeps the server.
    _redis: Arc<Redis>,
    config: Config,
}

impl World for Standalone {
    const TTL: Duration = Duration::from_millis(500);
    const TTL_MIN: Duration = Duration::from_millis(10);
    const LATENESS: Duration = Duration::from_millis(50);
    const DELIVERY: Duration = Duration::from_millis(800);

    async fn start(terms: Terms) -> Result<Self, Error> {
        let redis = Redis::start().await.map_err(|error| {
            Error::with_source(ErrorKind::Unavailable, "no redis for the test", error)
        })?;
        let mut config = Config::new(redis.url());
        config.prefix = test_support::unique("leases");
        (config.ttl, config.grace, config.events_max) = (terms.ttl, terms.grace, terms.events_max);
        let world = Self { _redis: Arc::new(redis), config };
        world.node().await?;
        Ok(world)
    }

    async fn node(&self) -> Result<Presence, Error> {
        Ok(Presence::new(Leases::start(self.config.clone()).await?))
    }
}

fn threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("the system gives a runtime")
}

presence_core::contract!(standalone, Standalone, threads());
