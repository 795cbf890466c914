//! The indexes of a store, by which no two entries have one sequence.
//!
//! Whoever drops them under a server that runs takes away what makes an acknowledgement true. So
//! each insert of entries is followed by a look whether the unique index is [in force](in_force),
//! and the keeper makes those again that are missing.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use mongo_link::ErrorKind as LinkErrorKind;
use mongodb::bson::{Document, doc};
use mongodb::error::{Error as DriverError, ErrorKind as DriverErrorKind, Result as DriverResult};
use mongodb::options::{Hint, IndexOptions, ReadConcern};
use mongodb::{Collection, IndexModel};

use super::box_id::Side;
use super::database::{Collections, Database, of_link};
use crate::{Error, ErrorKind, Result};

/// The code by which MongoDB says that a collection does not exist.
const NO_COLLECTION: i32 = 26;

/// The code by which MongoDB says that there is no index as a query wants it.
const NO_INDEX: i32 = 2;

/// Makes the indexes of a store that are not there.
///
/// # Errors
///
/// [`Corrupt`](ErrorKind::Corrupt) if two entries have the same sequence;
/// [`Unavailable`](ErrorKind::Unavailable) if MongoDB does not answer, or refuses.
pub(super) async fn make(database: &Database) -> Result<()> {
    let made = database.call_raw(|collections| async move { make_all(&collections).await }).await;
    made.map_err(|error| match error.kind() {
        LinkErrorKind::Conflict => {
            let text = "two entries have the same id and sequence, as the Go service may leave them, or sends while the \
                        index was missing; run `tidings repair` to move one of each aside";
            Error::with_source(ErrorKind::Corrupt, text, error)
        }
        _ => of_link(error),
    })
}

async fn make_all(collections: &Collections) -> DriverResult<()> {
    let plain = |keys: Document| IndexModel::builder().keys(keys).build();
    let with =
        |keys: Document, options: IndexOptions| IndexModel::builder().keys(keys).options(options).build();
    let unique = || IndexOptions::builder().unique(true).build();
    for entries in [&collections.inboxes, &collections.histories] {
        entries.create_index(with(keys(), unique())).await?;
    }
    // What is no message, which unread counts leave out.
    let no_message = IndexOptions::builder()
        .name("no_message".to_owned())
        .partial_filter_expression(doc! { "kind": { "$exists": true } })
        .build();
    collections.histories.create_index(with(doc! { "id": 1, "seq": 1, "kind": 1 }, no_message)).await?;
    collections.rows.create_index(with(doc! { "member": 1, "id": 1 }, unique())).await?;
    collections.rows.create_index(plain(doc! { "id": 1, "member": 1 })).await?;
    collections.groups.create_index(plain(doc! { "members.id": 1, "_id": 1 })).await?;
    collections.intents.create_index(plain(doc! { "at": 1 })).await?;
    collections.boxes.create_index(plain(doc! { "look_at": 1 })).await?;
    let expiring = IndexOptions::builder().expire_after(Duration::from_secs(60)).build();
    collections.notices.create_index(with(doc! { "at": 1 }, expiring)).await?;
    Ok(())
}

/// Returns whether the unique indexes of inboxes and histories are there.
///
/// # Errors
///
/// [`Config`](ErrorKind::Config) if another index is in the way of one of them;
/// [`Unavailable`](ErrorKind::Unavailable) if MongoDB does not answer, or refuses.
pub(super) async fn are_there(database: &Database) -> Result<bool> {
    let mut are_there = true;
    for side in [Side::Inbox, Side::History] {
        let indexes = database.call(move |collections| async move {
            let entries = collections.entries_of(side);
            Ok((entries.name().to_owned(), indexes_of(entries).await?))
        });
        let (name, indexes) = indexes.await?;
        are_there &= match unique(&indexes) {
            Found::Unique => true,
            Found::Nothing => false,
            Found::Other(index) => return Err(in_the_way(&name, &index)),
        };
    }
    Ok(are_there)
}

/// Checks that the unique index of a side is in force, so that what was inserted before is sure.
///
/// If it was missing for a moment before, MongoDB has made it from all entries that were there, and
/// would not have if two of them had one sequence. A query that names the index fails where it is
/// missing, or not finished yet.
///
/// # Errors
///
/// [`Unavailable`](ErrorKind::Unavailable) if it is not, or MongoDB does not answer. If it is not,
/// this node takes no further sends until the keeper has made it again.
pub(super) async fn in_force(database: &Database, side: Side) -> Result<()> {
    let asked = database.call_raw(move |collections| async move {
        let nothing = collections.entries_of(side).find_one(doc! { "id": "", "seq": 0 });
        let nothing = nothing.hint(Hint::Keys(keys())).read_concern(ReadConcern::local());
        nothing.projection(doc! { "_id": 1 }).await.map(drop)
    });
    asked.await.map_err(|error| {
        if error.code() != Some(NO_INDEX) {
            return of_link(error);
        }
        database.safety().doubt(MISSING);
        let text = format!("{MISSING}; they are made again, and what was not acknowledged is settled then");
        Error::with_source(ErrorKind::Unavailable, text, error)
    })
}

/// What is wrong where the indexes are not there.
pub(super) const MISSING: &str = "the unique indexes of the timelines are missing in mongodb, as somebody has \
                                  dropped them or the database";

/// The fields of the unique index.
fn keys() -> Document {
    doc! { "id": 1, "seq": 1 }
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
    // An index with a filter, such as ours of what is no message, is another one.
    let plain = indexes.iter().filter(|index| {
        let options = index.options.as_ref();
        same(&index.keys, &keys())
            && options.is_none_or(|options| options.partial_filter_expression.is_none())
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
