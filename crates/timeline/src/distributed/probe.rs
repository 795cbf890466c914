//! A look at the databases of a store before it is opened, which changes nothing.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use mongodb::bson::{Document, doc};
use mongodb::error::{Error as DriverError, ErrorKind as DriverErrorKind, Result as DriverResult};
use mongodb::{Collection, IndexModel};

use super::config::Config;
use super::database::{Collections, Database};
use super::{opening, requirements};
use crate::{Error, ErrorKind, Result};

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
}

/// How long the connections have to end; there is nothing to finish.
const GRACE: Duration = Duration::from_secs(1);

/// The code by which MongoDB says that a collection does not exist.
const NO_COLLECTION: i32 = 26;

/// Asks MongoDB for what a store needs of it, and changes nothing.
///
/// # Errors
///
/// [`Config`](ErrorKind::Config) when a setting is wrong, or MongoDB is not what the store needs;
/// [`Unavailable`](ErrorKind::Unavailable) when it does not answer, or refuses.
pub async fn probe(config: &Config) -> Result<Probe> {
    config.validate()?;
    let database = Database::start(config).await?;
    let found = look(config, &database).await;
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
/// [`Config`](ErrorKind::Config) when a setting is wrong, or Redis is too old;
/// [`Unavailable`](ErrorKind::Unavailable) when it does not answer, or takes no writes.
#[cfg(feature = "redis")]
pub async fn probe_redis(config: &Config) -> Result<()> {
    config.validate()?;
    super::sequencer::redis::try_redis(config).await
}

async fn look(config: &Config, database: &Database) -> Result<Probe> {
    let version = requirements::check(database).await?;
    let format =
        database.call(|collections| async move { collections.meta.find_one(doc! { "_id": "store" }).await });
    opening::check_format(format.await?.and_then(|store| store.get_i32("format").ok()).unwrap_or_default())?;
    let indexes = database.call(|collections| async move { indexes(&collections).await });
    let mut is_indexed = true;
    for (name, indexes) in [&config.inboxes, &config.histories].into_iter().zip(indexes.await?) {
        is_indexed &= match unique(&indexes) {
            Found::Unique => true,
            Found::Nothing => false,
            Found::Other(index) => return Err(in_the_way(name, &index)),
        };
    }
    Ok(Probe { version, is_indexed })
}

/// Returns the indexes of the inboxes and those of the histories.
async fn indexes(collections: &Collections) -> DriverResult<[Vec<IndexModel>; 2]> {
    Ok([indexes_of(&collections.inboxes).await?, indexes_of(&collections.histories).await?])
}

async fn indexes_of(entries: &Collection<Document>) -> DriverResult<Vec<IndexModel>> {
    match entries.list_indexes().await {
        Ok(indexes) => indexes.try_collect().await,
        Err(error) if is_missing(&error) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn is_missing(error: &DriverError) -> bool {
    matches!(error.kind.as_ref(), DriverErrorKind::Command(refused) if refused.code == NO_COLLECTION)
}

/// What was found of the index on box and sequence.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Unique,
    /// One of the same fields that lets duplicates in, by its name.
    Other(String),
}

fn unique(indexes: &[IndexModel]) -> Found {
    let keys = doc! { "id": 1, "seq": 1 };
    // An index with a filter, such as ours of what is no message, is another one.
    let plain = indexes.iter().filter(|index| {
        let options = index.options.as_ref();
        same(&index.keys, &keys) && options.is_none_or(|options| options.partial_filter_expression.is_none())
    });
    let mut found = Found::Nothing;
    for index in plain {
        let options = index.options.as_ref();
        if options.and_then(|options| options.unique) == Some(true) {
            return Found::Unique;
        }
        found = Found::Other(options.and_then(|options| options.name.clone()).unwrap_or_default());
    }
    found
}

/// Whether two indexes have the same fields in the same order; a direction may be any number.
fn same(one: &Document, other: &Document) -> bool {
    let ascends = |document: &Document| {
        document
            .iter()
            .map(|(name, direction)| {
                let number = direction.as_i64().or_else(|| direction.as_i32().map(i64::from));
                (name.clone(), number.map_or_else(|| direction.as_f64() > Some(0.0), |number| number > 0))
            })
            .collect::<Vec<_>>()
    };
    ascends(one) == ascends(other)
}

fn in_the_way(collection: &str, index: &str) -> Error {
    let text = format!(
        "the collection {collection} has the index {index}, which is in the way of a unique one of the same fields: \
         drop it with db.getCollection(\"{collection}\").dropIndex(\"{index}\")"
    );
    Error::new(ErrorKind::Config, text)
}

#[cfg(test)]
mod tests {
    use std::slice;

    use mongodb::options::IndexOptions;

    use super::*;

    fn index(keys: Document, unique: Option<bool>) -> IndexModel {
        let options = IndexOptions::builder().unique(unique).name("found".to_owned()).build();
        IndexModel::builder().keys(keys).options(options).build()
    }

    #[test]
    fn a_unique_index_is_known_and_one_that_is_not_is_in_the_way() {
        let id = index(doc! { "_id": 1 }, None);
        assert_eq!(unique(&[]), Found::Nothing);
        assert_eq!(unique(slice::from_ref(&id)), Found::Nothing);
        assert_eq!(unique(&[id.clone(), index(doc! { "id": 1, "seq": 1.0 }, Some(true))]), Found::Unique);
        let plain = index(doc! { "id": 1, "seq": 1 }, None);
        assert_eq!(unique(&[id, plain.clone()]), Found::Other("found".to_owned()));
        // Another order or direction is another index.
        let others = [doc! { "seq": 1, "id": 1 }, doc! { "id": 1, "seq": -1 }, doc! { "id": 1 }];
        assert_eq!(unique(&others.map(|keys| index(keys, None))), Found::Nothing);
        assert_eq!(unique(&[plain, index(doc! { "id": 1, "seq": 1 }, Some(true))]), Found::Unique);
    }
}
