//! The laws of every backend, against the keyspace layout: one process, and a process for each node.

use std::time::Duration;

use presence_core::contract::{Terms, World};
use presence_core::{Error, Presence};
use presence_redis::keyspace::{Config, Keyspace, Notifications};
use test_support::{Redis, require};
use tokio::runtime::{Builder, Runtime};

const ENDED: &str = "a key knows no devices: one that ends leaves its id online until the key expires";
const POSITIONS: &str = "Redis keeps no events: a position is good in the process that gave it";

/// One node, and handles on it.
struct OneProcess {
    presence: Presence,
    _redis: Redis,
}

impl World for OneProcess {
    const TTL: Duration = Duration::from_millis(500);
    const TTL_MIN: Duration = Config::TTL_MIN;
    const LATENESS: Duration = Duration::from_millis(300);
    const DELIVERY: Duration = Duration::from_millis(800);
    const EXCUSED: &'static [(&'static str, &'static str)] = &[
        ("id_is_online_while_any_device_is", ENDED),
        ("ended_device_does_not_wait_for_its_deadline", ENDED),
    ];

    async fn start(terms: Terms) -> Result<Self, Error> {
        let redis = Redis::private().await.unwrap();
        Ok(Self { presence: node(&redis, terms).await?, _redis: redis })
    }

    async fn node(&self) -> Result<Presence, Error> {
        Ok(self.presence.clone())
    }
}

/// As many nodes as a law asks for, each with a connection and ears of its own.
struct ManyProcesses {
    redis: Redis,
    terms: Terms,
}

impl World for ManyProcesses {
    const TTL: Duration = OneProcess::TTL;
    const TTL_MIN: Duration = OneProcess::TTL_MIN;
    const LATENESS: Duration = OneProcess::LATENESS;
    const DELIVERY: Duration = OneProcess::DELIVERY;
    const EXCUSED: &'static [(&'static str, &'static str)] = &[
        ("id_is_online_while_any_device_is", ENDED),
        ("ended_device_does_not_wait_for_its_deadline", ENDED),
        ("stream_resumes_from_any_position", POSITIONS),
    ];

    async fn start(terms: Terms) -> Result<Self, Error> {
        let world = Self { redis: Redis::private().await.unwrap(), terms };
        // A node that cannot be is refused here.
        world.node().await?.close().await;
        Ok(world)
    }

    async fn node(&self) -> Result<Presence, Error> {
        node(&self.redis, self.terms).await
    }
}

async fn node(redis: &Redis, terms: Terms) -> Result<Presence, Error> {
    let mut config = Config::new(redis.url());
    (config.ttl, config.grace, config.events_max) = (terms.ttl, terms.grace, terms.events_max);
    config.notifications = Notifications::Set;
    Ok(Presence::new(Keyspace::start(&config).await?))
}

/// A runtime for one law; where there is no Redis the law is skipped.
struct Laws(Runtime);

impl Laws {
    fn block_on(&self, law: impl Future<Output = ()>) {
        self.0.block_on(async {
            if require(Redis::private().await).is_some() {
                law.await;
            }
        });
    }
}

fn threads() -> Laws {
    let runtime = Builder::new_multi_thread().worker_threads(4).enable_all().build();
    Laws(runtime.expect("the system gives a runtime"))
}

presence_core::contract!(one_process, OneProcess, threads());
presence_core::contract!(many_processes, ManyProcesses, threads());
