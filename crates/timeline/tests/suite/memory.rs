//! The store in memory obeys the laws of every store.

use std::sync::Arc;

use async_trait::async_trait;
use timeline::contract::World;
use timeline::memory::{MemoryPlace, MemoryStore};
use timeline::{Observer, Retention, Store};

#[derive(Default)]
pub(crate) struct Memory(MemoryPlace);

#[async_trait]
impl World for Memory {
    async fn start(&self) -> Arc<dyn Store> {
        Arc::new(MemoryStore::start(self.0.clone()))
    }

    async fn start_observed(&self, observer: Arc<dyn Observer>) -> Arc<dyn Store> {
        Arc::new(MemoryStore::start(self.0.clone()).observer(observer))
    }

    async fn start_keeping(&self, retention: Retention) -> Arc<dyn Store> {
        Arc::new(MemoryStore::start_keeping(self.0.clone(), retention).unwrap())
    }
}

timeline::store_contract!(Memory::default());
