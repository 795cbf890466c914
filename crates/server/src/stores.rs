//! The one place that picks where things are kept.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use tidings::presence::memory::Memory;
use tidings::presence::{Backend, Presence};
use tidings::presence_redis::{Connect, Keyspace, Leases, keyspace, leases};

use crate::config::{Config, Layout, RedisUrl, Store};

/// Starts presence where the configuration says.
pub(crate) async fn presence(config: &Config) -> anyhow::Result<Presence> {
    let backend: Arc<dyn Backend> = match (config.presence, &config.redis_url) {
        (Store::Memory, _) => Arc::new(Memory::start(&memory(config)).context("--presence")?),
        (Store::Redis, None) => return Err(anyhow!("--presence: redis needs a --redis-url")),
        (Store::Redis, Some(url)) => {
            let started = match config.presence_layout {
                Layout::Leases => {
                    Leases::start(&leases(config, url)).await.map(|leases| Arc::new(leases) as _)
                }
                Layout::Keyspace => {
                    Keyspace::start(&keyspace(config, url)).await.map(|keyspace| Arc::new(keyspace) as _)
                }
            };
            started.map_err(|error| anyhow!("--redis-url: {url} cannot be used: {}", in_one_line(&error)))?
        }
    };
    Ok(Presence::from(backend))
}

/// The error and its causes, each thing said once.
fn in_one_line(error: &tidings::presence::Error) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    let mut parts: Vec<String> = causes.map(|cause| cause.to_string().replace('\n', " ")).collect();
    parts.dedup();
    parts.join(": ")
}

fn memory(config: &Config) -> tidings::presence::memory::Config {
    let mut memory = tidings::presence::memory::Config::default();
    memory.ttl = config.presence_ttl;
    memory.grace = config.presence_grace;
    memory.events_max = config.presence_events;
    memory
}

fn leases(config: &Config, url: &RedisUrl) -> leases::Config {
    let mut leases = leases::Config::new(url.expose());
    leases.connect = connect(config, url);
    leases.prefix.clone_from(&config.redis_prefix);
    leases.ttl = config.presence_ttl;
    leases.grace = config.presence_grace;
    leases.events_max = config.presence_events;
    leases
}

fn keyspace(config: &Config, url: &RedisUrl) -> keyspace::Config {
    let mut keyspace = keyspace::Config::new(url.expose());
    keyspace.connect = connect(config, url);
    keyspace.prefix.clone_from(&config.redis_prefix);
    keyspace.ttl = config.presence_ttl;
    keyspace.grace = config.presence_grace;
    keyspace.notifications = config.presence_notifications;
    keyspace.events_max = config.presence_events;
    keyspace
}

fn connect(config: &Config, url: &RedisUrl) -> Connect {
    let mut connect = Connect::new(url.expose());
    connect.timeout = config.redis_timeout;
    connect.connect_timeout = config.redis_timeout;
    connect
}
