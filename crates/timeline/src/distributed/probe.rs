//! A look at the databases of a store, which changes nothing.

use std::time::Duration;

use mongodb::bson::doc;

use super::config::Config;
use super::database::Database;
use super::{indexes, opening, requirements, trial};
use crate::Result;

/// What MongoDB says before a store is opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Probe {
    /// The version of MongoDB, like `7.0`.
    pub version: String,
    /// Whether the indexes are there that keep two entries from having one sequence.
    ///
    /// A store makes them when it opens for the first time. Where they are missing, there may be
    /// duplicates: [`check`](super::check()) finds them.
    pub is_indexed: bool,
    /// Whether a store has opened there before.
    ///
    /// If it has, and the indexes are missing, somebody has dropped them.
    pub was_opened: bool,
}

/// How long the connections have to end; there is nothing to finish.
const GRACE: Duration = Duration::from_secs(1);

/// Asks MongoDB for what a store needs, tries to write, and changes nothing.
///
/// The writes are such that MongoDB refuses them for what they are, after it has looked whether the
/// user may make them.
///
/// # Errors
///
/// [`Config`](crate::ErrorKind::Config) when a setting is wrong, or MongoDB is not what the store
/// needs; [`Unavailable`](crate::ErrorKind::Unavailable) when it does not answer, or refuses.
pub async fn probe(config: &Config) -> Result<Probe> {
    config.validate()?;
    let database = Database::start(config).await?;
    let found = look(&database, config).await;
    // What does not end in time ends by itself.
    database.link().shutdown(GRACE).await;
    found
}

/// Tries the Redis that gives out sequences, and changes nothing.
///
/// Without a Redis in the settings there is nothing to try, and no error.
///
/// # Errors
///
/// [`Config`](crate::ErrorKind::Config) when a setting is wrong, or Redis is too old;
/// [`Unavailable`](crate::ErrorKind::Unavailable) when it does not answer, or takes no writes.
#[cfg(feature = "redis")]
pub async fn probe_redis(config: &Config) -> Result<()> {
    config.validate()?;
    super::sequencer::redis::try_redis(config).await
}

async fn look(database: &Database, config: &Config) -> Result<Probe> {
    let version = requirements::check(database, config.mongo_version_min).await?;
    let store =
        database.call(|collections| async move { collections.meta.find_one(doc! { "_id": "store" }).await });
    let store = store.await?;
    let was_opened = store.is_some();
    opening::check_format(store.and_then(|store| store.get_i32("format").ok()).unwrap_or_default())?;
    let is_indexed = indexes::are_there(database).await?;
    trial::try_writes(database).await?;
    Ok(Probe { version, is_indexed, was_opened })
}
