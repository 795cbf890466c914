//! The embedded store obeys the laws of every store.

use std::sync::Arc;

use async_trait::async_trait;
use tempfile::TempDir;
use timeline::contract::World;
use timeline::embedded::EmbeddedStore;
use timeline::{Observer, Retention, Store, embedded};

pub(crate) struct Directory(TempDir);

impl Directory {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
}

#[async_trait]
impl World for Directory {
    async fn start(&self) -> Arc<dyn Store> {
        Arc::new(EmbeddedStore::start(embedded::Config::new(self.0.path())).await.unwrap())
    }

    async fn start_observed(&self, observer: Arc<dyn Observer>) -> Arc<dyn Store> {
        let config = embedded::Config::new(self.0.path()).observer(observer);
        Arc::new(EmbeddedStore::start(config).await.unwrap())
    }

    async fn start_keeping(&self, retention: Retention) -> Arc<dyn Store> {
        let config = embedded::Config::new(self.0.path()).retention(retention);
        Arc::new(EmbeddedStore::start(config).await.unwrap())
    }
}

timeline::store_contract!(Directory::new());
