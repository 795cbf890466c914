//! The indexes of a store, by which no two entries have one sequence.
//!
//! Whoever drops them under a server that runs takes away what makes an acknowledgement true. So
//! each insert of entries is followed by a look whether the unique index is [in force](in_force),
//! and the keeper makes those again that are missing.
//!
//! The look asks for the indexes themselves. A query that names one by its keys is content with an
//! index that is not unique, as somebody may make it by hand in place of ours, and so is one that
//! names it by the name that MongoDB gives both.

use std::time::Duration;

use mongo_link::ErrorKind as LinkErrorKind;
use mongodb::IndexModel;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::{Error as DriverError, ErrorKind as DriverErrorKind, Result as DriverResult};
use mongodb::options::IndexOptions;

use super::box_id::Side;
use super::call_end;
use super::database::{Collections, Database, of_link};
use crate::{Error, ErrorKind, Result};

/// The code by which MongoDB says that a collection does not exist.
const NO_COLLECTION: i32 = 26;

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
            let text = "two entries have the same id and sequence, or no sequence, as the Go service may leave them, or sends \
                        while the index was missing; run `tidings repair` to move one of each aside";
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
        let (collection, found) = find(database, side).await?;
        are_there &= match found {
            Found::Unique => true,
            Found::Nothing => false,
            Found::Other(index) => return Err(in_the_way(&collection, &index)),
        };
    }
    Ok(are_there)
}

/// Checks that the unique index of a side is in force, so that what was inserted before is sure.
///
/// If it was missing for a moment before, MongoDB has made it from all entries that were there, and
/// would not have if two of them had one sequence. One that is not finished yet does not count.
/// Those who ask at once share a look.
///
/// # Errors
///
/// [`Unavailable`](ErrorKind::Unavailable) if it is not, or MongoDB does not answer. If it is not,
/// this node takes no further sends until the keeper has made it again.
pub(super) async fn in_force(database: &Database, side: Side) -> Result<()> {
    let end = call_end::end(database.link().timeout());
    database.look(side).after(end, || look(database, side)).await
}

async fn look(database: &Database, side: Side) -> Result<()> {
    let (collection, found) = find(database, side).await?;
    let why = match found {
        Found::Unique => return Ok(()),
        Found::Nothing => MISSING.to_owned(),
        Found::Other(index) => in_the_way(&collection, &index).to_string(),
    };
    database.safety().doubt(&why);
    let text = format!("{why}; what was not acknowledged is settled once the unique ones are there again");
    Err(Error::new(ErrorKind::Unavailable, text))
}

/// What is wrong where the indexes are not there.
pub(super) const MISSING: &str = "the unique indexes of the timelines are missing in mongodb, as somebody has \
                                  dropped them or the database";

/// The fields of the unique index.
fn keys() -> Document {
    doc! { "id": 1, "seq": 1 }
}

/// Looks for the unique index of a side, and returns what was found in which collection.
async fn find(database: &Database, side: Side) -> Result<(String, Found)> {
    let found = database.call(move |collections| async move {
        let name = collections.entries_of(side).name().to_owned();
        // Without the last, those that are not finished yet look as if they were.
        let list = doc! { "listIndexes": &name, "includeBuildUUIDs": true };
        match collections.database.run_command(list).await {
            Ok(answer) => Ok((name, unique(indexes_in(&answer)))),
            Err(error) if is_missing(&error) => Ok((name, Found::Nothing)),
            Err(error) => Err(error),
        }
    });
    found.await
}

fn is_missing(error: &DriverError) -> bool {
    matches!(error.kind.as_ref(), DriverErrorKind::Command(refused) if refused.code == NO_COLLECTION)
}

/// Returns the indexes that an answer lists; all of them are in its first part.
fn indexes_in(answer: &Document) -> impl Iterator<Item = &Document> {
    let listed = answer.get_document("cursor").ok().and_then(|cursor| cursor.get_array("firstBatch").ok());
    listed.into_iter().flatten().filter_map(Bson::as_document)
}

/// What was found of the index on box and sequence.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Nothing,
    Unique,
    /// One of the same fields that lets duplicates in, by its name.
    Other(String),
}

fn unique<'a>(indexes: impl IntoIterator<Item = &'a Document>) -> Found {
    let mut found = Found::Nothing;
    for index in indexes {
        // Of one that is not finished, all of this is in a field of its own.
        let is_it = index.get_document("key").is_ok_and(|fields| same(fields, &keys()));
        // An index with a filter, such as ours of what is no message, is another one.
        if !is_it || index.contains_key("partialFilterExpression") {
            continue;
        }
        if index.get("unique").is_some_and(is_true) {
            return Found::Unique;
        }
        found = Found::Other(index.get_str("name").unwrap_or_default().to_owned());
    }
    found
}

/// Whether MongoDB takes a value for true; a number may stand for it.
fn is_true(value: &Bson) -> bool {
    match value {
        Bson::Boolean(is_true) => *is_true,
        Bson::Int32(number) => *number != 0,
        Bson::Int64(number) => *number != 0,
        Bson::Double(number) => *number != 0.0,
        _ => false,
    }
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

    use super::*;

    fn index(keys: Document, unique: impl Into<Bson>) -> Document {
        let unique: Bson = unique.into();
        doc! { "v": 2, "key": keys, "name": "found", "unique": unique }
    }

    fn plain(keys: Document) -> Document {
        doc! { "v": 2, "key": keys, "name": "found" }
    }

    #[test]
    fn a_unique_index_is_known_and_one_that_is_not_is_in_the_way() {
        let id = plain(doc! { "_id": 1 });
        assert_eq!(unique(&[]), Found::Nothing);
        assert_eq!(unique(slice::from_ref(&id)), Found::Nothing);
        assert_eq!(unique(&[id.clone(), index(doc! { "id": 1, "seq": 1.0 }, true)]), Found::Unique);
        assert_eq!(unique(&[index(doc! { "id": 1, "seq": 1 }, 1)]), Found::Unique);
        let other = plain(doc! { "id": 1, "seq": 1 });
        assert_eq!(unique(&[id, other.clone()]), Found::Other("found".to_owned()));
        assert_eq!(unique(&[index(doc! { "id": 1, "seq": 1 }, false)]), Found::Other("found".to_owned()));
        // Another order or direction is another index.
        let others = [doc! { "seq": 1, "id": 1 }, doc! { "id": 1, "seq": -1 }, doc! { "id": 1 }];
        assert_eq!(unique(&others.map(plain)), Found::Nothing);
        assert_eq!(unique(&[other, index(doc! { "id": 1, "seq": 1 }, true)]), Found::Unique);
    }

    #[test]
    fn an_index_that_is_not_finished_or_has_a_filter_is_not_there() {
        let ours = index(doc! { "id": 1, "seq": 1 }, true);
        let mut partial = ours.clone();
        partial.insert("partialFilterExpression", doc! { "kind": { "$exists": true } });
        let unfinished = doc! { "spec": ours.clone(), "buildUUID": "b" };
        assert_eq!(unique(&[unfinished.clone(), partial]), Found::Nothing);
        let answer = doc! { "cursor": { "id": 0_i64, "firstBatch": [unfinished, ours] }, "ok": 1.0 };
        assert_eq!(unique(indexes_in(&answer)), Found::Unique);
        assert_eq!(unique(indexes_in(&doc! { "ok": 1.0 })), Found::Nothing);
    }
}
