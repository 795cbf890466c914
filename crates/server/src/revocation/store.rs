//! Where revocations are kept: the one place that chooses.

use std::sync::Arc;

use anyhow::Context as _;
use tidings::identity::Revocations;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::file_store::FileStore;
use super::redis_list::{RedisList, unusable};
use super::redis_store::RedisStore;
use crate::clock;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::health::{self, Condition, Health};
use crate::supervisor::Supervisor;

/// What has filled a list and keeps it.
#[derive(Clone)]
enum RevocationStore {
    /// The list of this server.
    File(Arc<FileStore>),
    /// The list of all servers on one Redis.
    Redis(Arc<RedisStore>),
}

/// Reads the list, and keeps it until the supervisor stops.
///
/// It comes before the hub and the listeners: nobody is admitted while it is not known who was sent
/// away.
pub(crate) async fn start(
    config: &Config,
    data_dir: &DataDir,
    list: Revocations,
    health: &Health,
    supervisor: &Supervisor,
) -> anyhow::Result<()> {
    let (store, stop) = (RevocationStore::open(config, data_dir, list).await?, supervisor.stop());
    let state = health.clone().follow(health::REVOCATIONS, store.state(), Condition::clone, stop.clone());
    supervisor.need("the state of revocations", state);
    let stop = stop.clone();
    supervisor.keep("the keeper of revocations", move || store.clone().keep(stop.clone()));
    Ok(())
}

impl RevocationStore {
    async fn open(config: &Config, data_dir: &DataDir, list: Revocations) -> anyhow::Result<Self> {
        if let Some(url) = &config.redis_url {
            let store = Box::pin(RedisStore::open(config, url, list)).await?;
            return Ok(Self::Redis(Arc::new(store)));
        }
        let path = data_dir.path().to_owned();
        let open = move || FileStore::open(&path, list, clock::now());
        Ok(Self::File(Arc::new(tokio::task::spawn_blocking(open).await??)))
    }

    fn state(&self) -> watch::Receiver<Condition> {
        match self {
            Self::File(store) => store.state(),
            Self::Redis(store) => store.state(),
        }
    }

    async fn keep(self, stop: CancellationToken) {
        match self {
            Self::File(store) => store.keep(stop).await,
            Self::Redis(store) => store.keep(stop).await,
        }
    }
}

/// Says whether the list can be read, and changes nothing.
pub(crate) async fn check(config: &Config) -> anyhow::Result<()> {
    let list = super::list()?;
    match &config.redis_url {
        Some(url) => {
            let redis = Box::pin(RedisList::connect(config, url)).await?;
            let now = clock::now();
            let snapshot = redis.read(now).await.map_err(|error| unusable(url, &error))?;
            for entry in &snapshot.entries {
                list.apply(entry, now).map_err(|error| unusable(url, &error))?;
            }
            redis.subscribe().await.map(drop).map_err(|error| unusable(url, &error))
        }
        None => {
            let path = config.data_dir.clone();
            let check = move || FileStore::check(&path, &list, clock::now());
            tokio::task::spawn_blocking(check).await.context("the revocations cannot be read")?
        }
    }
}
