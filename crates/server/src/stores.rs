//! The one place that chooses the stores of presence and rooms.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tidings::presence::memory::Memory;
use tidings::presence::rooms::{RoomBackend, Rooms};
use tidings::presence::{Backend, Error, Presence};
use tidings::presence_redis::{Keyspace, Leases, LinkConfig, keyspace, leases};

use crate::config::{self, Config, Layout, PresenceStore, RedisUrl};

/// Who is online, and who is in which room.
#[derive(Debug)]
pub(crate) struct Stores {
    pub(crate) presence: Presence,
    pub(crate) rooms: Rooms,
}

/// Starts what the configuration says.
pub(crate) async fn open(config: &Config) -> anyhow::Result<Stores> {
    match (config.presence, &config.redis_url) {
        (PresenceStore::Memory, _) => Ok(Stores::of(start_memory(config)?)),
        (PresenceStore::Redis, None) => {
            Err(anyhow!("--presence: redis needs the address of a Redis; give it with --redis-url"))
        }
        (PresenceStore::Redis, Some(url)) => on_redis(config, url).await.map_err(|error| {
            let why = format!("{error:#}").replace('\n', " ");
            anyhow!("--redis-url: {url} cannot be used: {}", config::hidden_in_error(&why, url.expose()))
        }),
    }
}

async fn on_redis(config: &Config, url: &RedisUrl) -> Result<Stores, Error> {
    match config.presence_layout {
        Layout::Leases => Ok(Stores::of(Leases::start(leases(config, url)).await?)),
        Layout::Keyspace => {
            // The keyspace layout keeps no rooms, so this server keeps them in memory.
            let presence = Presence::new(Keyspace::start(keyspace(config, url)).await?);
            Ok(Stores { presence, rooms: Rooms::new(Memory::start(memory(config))?) })
        }
    }
}

impl Stores {
    /// One store for both.
    fn of(store: impl Backend + RoomBackend) -> Self {
        // Both handles are of one store: on Redis they share its connections and its leases.
        let store = Arc::new(store);
        let presence = Presence::from(Arc::clone(&store) as Arc<dyn Backend>);
        Self { presence, rooms: Rooms::from(store as Arc<dyn RoomBackend>) }
    }

    /// Ends both, and says whether they ended within the grace time.
    pub(crate) async fn shutdown(&self, grace: Duration) -> bool {
        // Where both are of one store, the second call waits for the same end.
        let (presence, rooms) = tokio::join!(self.presence.shutdown(grace), self.rooms.shutdown(grace));
        presence && rooms
    }
}

fn start_memory(config: &Config) -> anyhow::Result<Memory> {
    Memory::start(memory(config)).context("--presence")
}

fn memory(config: &Config) -> tidings::presence::memory::Config {
    tidings::presence::memory::Config::default()
        .ttl(config.presence_ttl)
        .grace(config.presence_grace)
        .events_max(config.presence_events)
}

fn leases(config: &Config, url: &RedisUrl) -> leases::Config {
    leases::Config::new(link(config, url))
        .prefix(&config.redis_prefix)
        .ttl(config.presence_ttl)
        .grace(config.presence_grace)
        .events_max(config.presence_events)
}

fn keyspace(config: &Config, url: &RedisUrl) -> keyspace::Config {
    keyspace::Config::new(link(config, url))
        .prefix(&config.redis_prefix)
        .ttl(config.presence_ttl)
        .grace(config.presence_grace)
        .notifications(config.presence_notifications)
        .events_max(config.presence_events)
}

fn link(config: &Config, url: &RedisUrl) -> LinkConfig {
    LinkConfig::new(url.expose()).timeout(config.redis_timeout).connect_timeout(config.redis_timeout)
}
