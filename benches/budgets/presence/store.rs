//! The stores that are compared, each on a Redis of its own.

use std::error::Error;
use std::time::Duration;

use benches::process;
use presence_core::{Id, Presence, memory};
use presence_redis::{LinkConfig, keyspace, leases};
use test_support::Redis;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    Memory,
    Leases,
    Keyspace,
    /// The ancestor's commands, without anything around them.
    Ancestor,
}

/// A started store.
pub(crate) struct Store {
    pub(crate) presence: Presence,
    pub(crate) redis: Option<Redis>,
}

impl Store {
    pub(crate) async fn start(layout: Layout, ttl: Duration) -> Result<Self, Box<dyn Error>> {
        if layout == Layout::Memory {
            // With the log of events as it is by default: what it takes does not depend on the ids.
            let config = memory::Config::default().ttl(ttl).grace(Duration::ZERO);
            return Ok(Self { presence: Presence::new(memory::Memory::start(config)?), redis: None });
        }
        let redis = Redis::private().await?;
        let presence = if layout == Layout::Leases {
            Presence::new(leases::Leases::start(leases_config(&redis, ttl)).await?)
        } else {
            let config = keyspace::Config::new(redis.url())
                .ttl(ttl)
                .events_max(EVENTS_MAX)
                .notifications(keyspace::Notifications::Set);
            Presence::new(keyspace::Keyspace::start(config).await?)
        };
        Ok(Self { presence, redis: Some(redis) })
    }

    /// The processor time that Redis has used so far, in nanoseconds.
    pub(crate) fn redis_cpu_ns(&self) -> Result<f64, Box<dyn Error>> {
        let redis = self.redis.as_ref().ok_or("there is no Redis")?;
        process::cpu_ns(&redis.process_id().ok_or("Redis is not ours")?.to_string())
    }
}

pub(crate) fn leases_config(redis: &Redis, ttl: Duration) -> leases::Config {
    // What is measured is how much, not how soon.
    let link = LinkConfig::new(redis.url()).timeout(Duration::from_secs(20));
    leases::Config::new(link).ttl(ttl).grace(Duration::ZERO).events_max(EVENTS_MAX)
}

/// Ids of 16 bytes.
pub(crate) fn ids(count: usize) -> Vec<Id> {
    (0..count).map(|number| Id::new(&format!("user:{number:011}")).expect("a good id")).collect()
}

pub(crate) const DAY: Duration = Duration::from_secs(86_400);
/// So that no stream lags when everybody comes.
const EVENTS_MAX: usize = 1 << 20;
/// How many ids one call names.
pub(crate) const BATCH: usize = 1_000;
