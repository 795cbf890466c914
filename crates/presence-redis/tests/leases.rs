//! The laws of every backend, against the leases layout: in one process and in several, on one Redis and on a cluster.

use std::time::Duration;

use presence_core::contract::{Terms, World};
use presence_core::{Error, ErrorKind, Presence};
use presence_redis::leases::{Config, Leases};
use test_support::{Redis, RedisCluster};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::OnceCell;

/// Where the data lies, and how many processes share it: a part of a server that other laws use, too.
trait Place: Send + Sync + 'static {
    /// Whether each node is a process of its own, as far as Redis can tell.
    const PROCESSES: bool;

    fn url() -> impl Future<Output = Result<String, test_support::Error>> + Send;
}

struct OneProcess;

impl Place for OneProcess {
    const PROCESSES: bool = false;

    async fn url() -> Result<String, test_support::Error> {
        Processes::url().await
    }
}

struct Processes;

impl Place for Processes {
    const PROCESSES: bool = true;

    async fn url() -> Result<String, test_support::Error> {
        static SERVER: OnceCell<Redis> = OnceCell::const_new();
        Ok(SERVER.get_or_try_init(Redis::start).await?.url().to_owned())
    }
}

struct Cluster;

impl Place for Cluster {
    const PROCESSES: bool = true;

    async fn url() -> Result<String, test_support::Error> {
        static SERVERS: OnceCell<RedisCluster> = OnceCell::const_new();
        Ok(SERVERS.get_or_try_init(|| RedisCluster::start(3)).await?.url())
    }
}

struct On<P> {
    config: Config,
    first: Presence,
    place: std::marker::PhantomData<P>,
}

impl<P: Place> World for On<P> {
    const TTL: Duration = Duration::from_millis(500);
    const TTL_MIN: Duration = Duration::from_millis(10);
    const LATENESS: Duration = Leases::LATENESS;
    const DELIVERY: Duration = Duration::from_millis(800);

    async fn start(terms: Terms) -> Result<Self, Error> {
        let url = P::url()
            .await
            .map_err(|error| Error::with_source(ErrorKind::Unavailable, "no redis for the test", error))?;
        let mut config = Config::new(url);
        config.prefix = test_support::unique("leases");
        (config.ttl, config.grace, config.events_max) = (terms.ttl, terms.grace, terms.events_max);
        let first = Presence::new(Leases::start(&config).await?);
        Ok(Self { config, first, place: std::marker::PhantomData })
    }

    async fn node(&self) -> Result<Presence, Error> {
        if !P::PROCESSES {
            return Ok(self.first.clone());
        }
        Ok(Presence::new(Leases::start(&self.config).await?))
    }
}

fn threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("the system gives a runtime")
}

presence_core::contract!(one_process, On<OneProcess>, threads());
presence_core::contract!(several_processes, On<Processes>, threads());
presence_core::contract!(cluster, On<Cluster>, threads());
