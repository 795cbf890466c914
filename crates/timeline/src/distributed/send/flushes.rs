//! How many flushes of an audience run at a time.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The permits of flushes, of which each that runs holds one.
#[derive(Debug)]
pub(super) struct Flushes {
    permits: Arc<Semaphore>,
    most: u32,
}

impl Flushes {
    pub(super) fn new(most: u32) -> Self {
        Self { permits: Arc::new(Semaphore::new(most as usize)), most }
    }

    /// Returns whether any runs.
    pub(super) fn are_under_way(&self) -> bool {
        self.permits.available_permits() < self.most as usize
    }

    /// Waits until none runs.
    pub(super) async fn ended(&self) {
        drop(self.permits.acquire_many(self.most).await);
    }

    /// Waits until another one may run; none if that is over.
    pub(super) async fn begin(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.permits).acquire_owned().await.ok()
    }
}
