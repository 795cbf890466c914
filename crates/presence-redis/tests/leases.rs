//! The laws of every backend, of ids and of rooms, and random histories against the leases layout:
//! in one process and in several, on one Redis and on a cluster.

use std::sync::Arc;
use std::time::Duration;

use presence_core::contract::{RoomWorld, Terms, World};
use presence_core::rooms::{RoomBackend, Rooms};
use presence_core::{Backend, Error, ErrorKind, Presence};
use presence_redis::LinkConfig;
use presence_redis::leases::{Config, Leases};
use test_support::{Redis, RedisCluster};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::OnceCell;

/// Where the data lies, and how many processes share it: a part of a server that other laws use,
/// too.
trait Deployment: Send + Sync + 'static {
    /// Whether each node is a process of its own, as far as Redis can tell.
    const PROCESSES: bool;
    const TTL: Duration = Duration::from_millis(500);

    fn url() -> impl Future<Output = Result<String, test_support::Error>> + Send;
}

struct OneProcess;

impl Deployment for OneProcess {
    const PROCESSES: bool = false;

    async fn url() -> Result<String, test_support::Error> {
        Processes::url().await
    }
}

struct Processes;

impl Deployment for Processes {
    const PROCESSES: bool = true;

    async fn url() -> Result<String, test_support::Error> {
        static SERVER: OnceCell<Redis> = OnceCell::const_new();
        Ok(SERVER.get_or_try_init(Redis::start).await?.url().to_owned())
    }
}

/// A cluster of three masters, with a process for each node of the laws.
struct Cluster;

impl Deployment for Cluster {
    const PROCESSES: bool = true;

    async fn url() -> Result<String, test_support::Error> {
        static SERVERS: OnceCell<RedisCluster> = OnceCell::const_new();
        Ok(SERVERS.get_or_try_init(|| RedisCluster::start(3)).await?.url())
    }
}

struct ClusterOfOneProcess;

impl Deployment for ClusterOfOneProcess {
    const PROCESSES: bool = false;

    async fn url() -> Result<String, test_support::Error> {
        Cluster::url().await
    }
}

/// A place where things are over soon: a history takes some dozen times the TTL.
struct Hasty<P>(std::marker::PhantomData<P>);

impl<P: Deployment> Deployment for Hasty<P> {
    const PROCESSES: bool = P::PROCESSES;
    const TTL: Duration = Duration::from_millis(100);

    async fn url() -> Result<String, test_support::Error> {
        P::url().await
    }
}

struct On<P> {
    config: Config,
    first: Arc<Leases>,
    place: std::marker::PhantomData<P>,
}

impl<P: Deployment> World for On<P> {
    const TTL: Duration = P::TTL;
    const TTL_MIN: Duration = Duration::from_millis(10);
    const LATENESS: Duration = Leases::LATENESS;
    const DELIVERY: Duration = Duration::from_millis(800);

    async fn start(terms: Terms) -> Result<Self, Error> {
        let url = P::url()
            .await
            .map_err(|error| Error::with_source(ErrorKind::Unavailable, "no redis for the test", error))?;
        // Redis is here and well, however busy the machine is.
        let patience = Duration::from_secs(30);
        let link = LinkConfig::new(url).timeout(patience).connect_timeout(patience);
        let config = Config::new(link)
            .prefix(test_support::unique("leases"))
            // Each process renews a lease for each shard, and here there are dozens of processes.
            .shards(4)
            .ttl(terms.ttl)
            .grace(terms.grace)
            .events_max(terms.events_max)
            .room_events_max(terms.events_max);
        let first = Arc::new(Leases::start(config.clone()).await?);
        Ok(Self { config, first, place: std::marker::PhantomData })
    }

    async fn node(&self) -> Result<Presence, Error> {
        Ok(Presence::from(self.process().await? as Arc<dyn Backend>))
    }
}

impl<P: Deployment> RoomWorld for On<P> {
    async fn rooms(&self) -> Result<Rooms, Error> {
        Ok(Rooms::from(self.process().await? as Arc<dyn RoomBackend>))
    }
}

impl<P: Deployment> On<P> {
    async fn process(&self) -> Result<Arc<Leases>, Error> {
        if P::PROCESSES {
            Ok(Arc::new(Leases::start(self.config.clone()).await?))
        } else {
            Ok(Arc::clone(&self.first))
        }
    }
}

fn threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("the system gives a runtime")
}

presence_core::contract!(one_process, On<OneProcess>, threads());
presence_core::contract!(several_processes, On<Processes>, threads());
presence_core::contract!(cluster, On<Cluster>, threads());
presence_core::contract!(cluster_of_one_process, On<ClusterOfOneProcess>, threads());

presence_core::rooms_contract!(rooms_of_one_process, On<OneProcess>, threads());
presence_core::rooms_contract!(rooms_of_several_processes, On<Processes>, threads());
presence_core::rooms_contract!(rooms_on_a_cluster, On<Cluster>, threads());
presence_core::rooms_contract!(rooms_on_a_cluster_of_one_process, On<ClusterOfOneProcess>, threads());

presence_core::history!(histories_of_ids_can_be_explained, On<Hasty<Processes>>, threads(), HISTORIES);
presence_core::history!(
    histories_of_ids_on_a_cluster_can_be_explained,
    On<Hasty<Cluster>>,
    threads(),
    HISTORIES
);
presence_core::rooms_history!(
    histories_of_rooms_can_be_explained,
    On<Hasty<Processes>>,
    threads(),
    HISTORIES
);
presence_core::rooms_history!(
    histories_of_rooms_on_a_cluster_can_be_explained,
    On<Hasty<Cluster>>,
    threads(),
    HISTORIES
);

/// How many of each are played.
const HISTORIES: u32 = 8;
