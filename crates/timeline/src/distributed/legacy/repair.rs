//! A repair of what keeps a store from opening: duplicates are moved aside.

use std::fmt;

use mongodb::Collection;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::Result as DriverResult;

use super::super::box_id::Side;
use super::super::config::Config;
use super::super::database::{Database, of_link};
use super::check::{Duplicate, LIMIT, scan};
use super::scan::Sight;
use crate::Result;

/// What a repair did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repaired {
    /// The documents that were moved, each with the collection that it was in.
    ///
    /// They are now in a collection of that name with `_duplicates` behind it.
    pub moved: Vec<Duplicate>,
}

/// How many duplicates are moved between two passes over a collection.
const ROUND: usize = 10_000;

/// Moves documents that have the sequence of another one aside.
///
/// Of the documents of one sequence the oldest stays. The others are in `chat_sync_duplicates` and
/// `chat_history_duplicates` afterwards, if the collections have the names that the Go service gave
/// them. Nothing is lost when it is cut short; run it again.
///
/// Stop the Go service before, and do not start it again: it would go on to make duplicates, or
/// fail at the index that keeps them out.
///
/// # Errors
///
/// [`Config`](crate::ErrorKind::Config) when a setting is wrong;
/// [`Unavailable`](crate::ErrorKind::Unavailable) when MongoDB does not answer, or refuses it.
pub async fn repair(config: &Config) -> Result<Repaired> {
    config.validate()?;
    let database = Database::start(config).await?;
    let mut repaired = Repaired::default();
    for (side, name) in [(Side::Inbox, &config.inboxes), (Side::History, &config.histories)] {
        let name = name.clone();
        let work = move |database: mongodb::Database| async move { tidy(&database, &name, side).await };
        let moved = database.link().call_within(LIMIT, work).await.map_err(of_link)?;
        repaired.moved.extend(moved);
    }
    Ok(repaired)
}

/// Moves the duplicates of one collection.
async fn tidy(database: &mongodb::Database, name: &str, side: Side) -> DriverResult<Vec<Duplicate>> {
    let (from, to) = (database.collection(name), database.collection(&format!("{name}_duplicates")));
    let mut moved = Vec::new();
    loop {
        let mut found = Vec::new();
        let note = |sight| {
            if let Sight::Duplicate { id, seq, key } = sight
                && found.len() < ROUND
            {
                found.push((id, seq, key));
            }
        };
        scan(&from, side, note).await?;
        let is_last = found.len() < ROUND;
        for (id, seq, key) in found {
            move_aside(&from, &to, &id, &key).await?;
            moved.push(Duplicate::new(name.to_owned(), id, seq, &key));
        }
        if is_last {
            return Ok(moved);
        }
    }
}

/// Moves a document; it is there twice rather than nowhere when this is cut short.
async fn move_aside(
    from: &Collection<Document>,
    to: &Collection<Document>,
    id: &str,
    key: &Bson,
) -> DriverResult<()> {
    let filter = doc! { "_id": key, "id": id };
    let Some(document) = from.find_one(filter.clone()).await? else { return Ok(()) };
    to.replace_one(doc! { "_id": key }, document).upsert(true).await?;
    from.delete_one(filter).await?;
    Ok(())
}

impl fmt::Display for Repaired {
    /// Writes how many documents were moved, and a line for each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} documents that have the sequence of another one were moved", self.moved.len())?;
        self.moved.iter().try_for_each(|Duplicate { collection, id, sequence, key }| {
            write!(f, "\n{key} of {id:?} at {sequence}, from {collection} to {collection}_duplicates")
        })
    }
}
