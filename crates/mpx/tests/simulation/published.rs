//! How often was published on each channel: the numbers that messages have.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

#[derive(Clone)]
pub(crate) struct Published(Arc<Mutex<BTreeMap<String, u64>>>);

impl Published {
    pub(crate) fn new(channels: &[String]) -> Self {
        let counts = channels.iter().map(|channel| (channel.clone(), 0)).collect();
        Self(Arc::new(Mutex::new(counts)))
    }

    pub(crate) fn count(&self, channel: &str) -> u64 {
        self.0.lock()[channel]
    }

    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        self.0.lock().clone()
    }

    /// The number of the next message, which is how many there were before it.
    pub(crate) fn next(&self, channel: &str) -> u64 {
        let mut counts = self.0.lock();
        let count = counts.get_mut(channel).unwrap();
        *count += 1;
        *count - 1
    }
}
