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
        // Also with Redis, which is given what was revoked before there was one, or by a command
        // that was not told of it.
        let (path, filled) = (data_dir.path().to_owned(), list.clone());
        let open = move || FileStore::open(&path, filled, clock::now());
        let file = tokio::task::spawn_blocking(open).await??;
        Ok(match &config.redis_url {
            Some(url) => Self::Redis(Arc::new(Box::pin(RedisStore::open(config, url, list)).await?)),
            None => Self::File(Arc::new(file)),
        })
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

/// Says whether the list can be read and written, and changes nothing.
pub(crate) async fn check(config: &Config) -> anyhow::Result<()> {
    let list = super::list()?;
    let (path, checked) = (config.data_dir.clone(), list.clone());
    let check = move || FileStore::check(&path, &checked, clock::now());
    tokio::task::spawn_blocking(check).await.context("the revocations cannot be read")??;
    match &config.redis_url {
        Some(url) => {
            let redis = Box::pin(RedisList::connect(config, url)).await?;
            let now = clock::now();
            let snapshot = redis.read(now).await.map_err(|error| unusable(url, &error))?;
            for entry in &snapshot.entries {
                list.apply(entry, now).map_err(|error| unusable(url, &error))?;
            }
            redis.subscribe().await.map_err(|error| unusable(url, &error))?;
            // Otherwise nobody could be sent away, which is found out when somebody has to be.
            redis.try_write().await.map_err(|error| unusable(url, &error))
        }
        None => Ok(()),
    }
}
