//! How the store of the soak is set up.

use std::path::Path;

use timeline::embedded::{self, EmbeddedStore};
use timeline::{Config, Result, Timeline};

use crate::talk::retention;

/// Opens the store of the soak.
pub(crate) async fn open(directory: &Path) -> Result<Timeline> {
    let config = embedded::Config::new(directory).retention(retention());
    Timeline::start(Config::default(), EmbeddedStore::start(config).await?)
}
