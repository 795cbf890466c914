//! How the store of the soak is set up.

use std::path::Path;

use timeline::embedded::{self, EmbeddedStore};
use timeline::{Config, Keep, Result, Retention, Timeline};

use crate::talk::retention;
use crate::users::{AGE, INBOX_KEPT};

/// Opens the store to work with it: entries go by their age, and files are written anew as soon as
/// a text was taken away, which is longer ago by most of the clocks than it may be.
pub(crate) async fn open_to_work(directory: &Path) -> Result<Timeline> {
    let retention = match AGE {
        Some(age) => kept().groups_named("aged", Keep::everything().age(age)),
        None => kept(),
    };
    let config = embedded::Config::new(directory).retention(retention);
    start(config.erased_within(*embedded::Config::ERASED_WITHIN_BOUNDS.start())).await
}

/// Opens the store to compare it: nothing goes meanwhile.
pub(crate) async fn open_to_compare(directory: &Path) -> Result<Timeline> {
    start(embedded::Config::new(directory).retention(kept())).await
}

async fn start(config: embedded::Config) -> Result<Timeline> {
    Timeline::start(Config::default(), EmbeddedStore::start(config).await?)
}

/// What is kept by number.
fn kept() -> Retention {
    match INBOX_KEPT {
        Some(entries) => retention().inboxes(Keep::everything().entries(entries)),
        None => retention(),
    }
}
