//! The laws of every backend, against the keyspace layout: one process, and a process for each
//! node.

use std::time::Duration;

use presence_core::contract::{Terms, World};
use presence_core::{Error, Presence};
use presence_redis::keyspace::{Config, Keyspace, Notifications};
use test_support::{Redis, require};
use tokio::runtime::{Builder, Runtime};

use super::listener::{link, run, stranger};

const ENDED: &str = "a key knows no devices: one that ends leaves its id online until the key expires";
const POSITIONS: &str = "Redis keeps no events: a position is good in the process that gave it";

/// For one answer of Redis.
const PATIENCE: Duration = Duration::from_secs(4);

/// One node, and handles on it. Its server may stand still for a while.
struct OneProcess {
    presence: Presence,
    redis: Redis,
}

impl World for OneProcess {
    const TTL: Duration = Duration::from_millis(500);
    const TTL_MIN: Duration = *Config::TTL_BOUNDS.start();
    const LATENESS: Duration = Duration::from_millis(300);
    const DELIVERY: Duration = Duration::from_millis(800);
    const EXCUSED: &'static [(&'static str, &'static str)] = &[
        ("id_is_online_while_any_device_is", ENDED),
        ("ended_device_does_not_wait_for_its_deadline", ENDED),
    ];

    async fn start(terms: Terms) -> Result<Self, Error> {
        let redis = Redis::private().await.unwrap();
        Ok(Self { presence: node(&redis, terms).await?, redis })
    }

    async fn node(&self) -> Result<Presence, Error> {
        Ok(self.presence.clone())
    }

    async fn litter(&self) -> bool {
        litter(&self.redis).await;
        true
    }

    async fn lose(&self) -> bool {
        self.redis.freeze().await.unwrap();
        true
    }

    async fn restore(&self) {
        self.redis.thaw().await.unwrap();
    }

    async fn refuse_writes(&self) -> bool {
        refuse_writes(&self.redis, true).await;
        true
    }

    async fn accept_writes(&self) {
        refuse_writes(&self.redis, false).await;
    }
}

/// As many nodes as a law asks for, each with a connection and ears of its own. Their server may be
/// killed, and forgets everything.
struct ManyProcesses {
    redis: Redis,
    terms: Terms,
}

impl World for ManyProcesses {
    const TTL: Duration = OneProcess::TTL;
    const TTL_MIN: Duration = OneProcess::TTL_MIN;
    const LATENESS: Duration = OneProcess::LATENESS;
    const DELIVERY: Duration = OneProcess::DELIVERY;
    // The keys of the dead live no longer than after a heartbeat.
    const TAKEOVER: Option<Duration> = Some(Duration::ZERO);
    const EXCUSED: &'static [(&'static str, &'static str)] = &[
        ("id_is_online_while_any_device_is", ENDED),
        ("ended_device_does_not_wait_for_its_deadline", ENDED),
        ("stream_resumes_from_any_position", POSITIONS),
    ];

    async fn start(terms: Terms) -> Result<Self, Error> {
        let world = Self { redis: Redis::private().await.unwrap(), terms };
        // A node that cannot be is refused here.
        world.node().await?.shutdown(PATIENCE).await;
        Ok(world)
    }

    async fn node(&self) -> Result<Presence, Error> {
        node(&self.redis, self.terms).await
    }

    async fn litter(&self) -> bool {
        litter(&self.redis).await;
        true
    }

    async fn lose(&self) -> bool {
        self.redis.kill().unwrap();
        true
    }

    async fn restore(&self) {
        self.redis.start_again().await.unwrap();
    }

    async fn refuse_writes(&self) -> bool {
        refuse_writes(&self.redis, true).await;
        true
    }

    async fn accept_writes(&self) {
        refuse_writes(&self.redis, false).await;
    }
}

async fn node(redis: &Redis, terms: Terms) -> Result<Presence, Error> {
    // What is judged is the layout, not how busy the machine is.
    let config = Config::new(link(redis.url(), PATIENCE))
        .ttl(terms.ttl)
        .grace(terms.grace)
        .events_max(terms.events_max)
        .notifications(Notifications::Set);
    Ok(Presence::new(Keyspace::start(config).await?))
}

/// Lets a server refuse writes, or take them again.
async fn refuse_writes(redis: &Redis, refuse: bool) {
    // There is no replica.
    let line = format!("CONFIG SET min-replicas-to-write {}", u8::from(refuse));
    run(&mut stranger(redis.url()).await, &line).await;
}

/// Writes, lets expire and deletes what is not ours.
async fn litter(redis: &Redis) {
    let mut stranger = stranger(redis.url()).await;
    for line in [
        "SET presence x PX 20",
        "SET presences:c x PX 20",
        "SET PRESENCE:c x",
        "SET otherapp:session:42 x",
        "SET otherapp:presence:c x",
        "HSET presence:c field value",
        "DEL otherapp:presence:c presence:c",
        "HSET presence:d field value",
        "SELECT 1",
        "SET presence:c x PX 20",
        "SET presence:d x",
        "DEL presence:d",
    ] {
        run(&mut stranger, line).await;
    }
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
