//! What was acknowledged survives `kill -9` at any moment, once, and without a gap.
//!
//! A program of its own, as it opens stores and starts processes; the program `suite` says why.
#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

mod acks;
mod child;
mod erasures;
mod joins;
mod sends;

use std::path::Path;
use std::time::Duration;

use timeline::embedded::EmbeddedStore;
use timeline::{Config, MemberId, Timeline, embedded};

/// A time that only a hang reaches.
const GRACE: Duration = Duration::from_secs(60);

async fn open(directory: &Path) -> Timeline {
    start(embedded::Config::new(directory)).await
}

async fn start(config: embedded::Config) -> Timeline {
    Timeline::start(Config::default(), EmbeddedStore::start(config).await.unwrap()).unwrap()
}

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}
