//! A repair of what the Go service has left in the way, and of pairs in no list.

use std::fmt;

use mongodb::Collection;
use mongodb::bson::{Document, doc};
use mongodb::error::Result as DriverResult;

use super::super::box_id::Side;
use super::super::config::Config;
use super::super::database::{Database, of_link};
use super::check::{Duplicate, LIMIT, scan};
use super::scan::Sight;
use super::takeover::{self, Entered};
use crate::Result;

/// What a repair did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Repaired {
    /// The documents that were moved, each with the collection that it was in.
    ///
    /// They are now in a collection of that name with `_duplicates` behind it.
    pub moved: Vec<Duplicate>,
    /// The collection and the `_id` of each document without a place, moved likewise.
    pub unreadable: Vec<(String, String)>,
    /// How many pairs of the Go service are in the lists of their members now.
    pub pairs: u64,
    /// How many groups are not, as the Go service did not note their members.
    ///
    /// Each is there from its next message on.
    pub groups: u64,
}

/// How many documents are moved between two passes over a collection.
const ROUND: usize = 10_000;

/// Moves duplicates aside, and enters what is known of old boxes.
///
/// Of the documents of one sequence the oldest stays. The others are in `chat_sync_duplicates` and
/// `chat_history_duplicates` afterwards, if the collections have the names that the Go service gave
/// them. So are those that have no box or no sequence, which no reader sees: two of one box keep a
/// store from opening as well. Nothing is lost when it is cut short; run it again.
///
/// A pair whose last message is one of the Go service gets into the lists of its members, with
/// nothing unread. Members who were removed since are in them again: run it before there are any.
/// Where entries are kept for a time, those of the Go service are so, too; if that is set later,
/// run it again.
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
        let Moved { duplicates, unreadable } =
            database.link().call_within(LIMIT, work).await.map_err(of_link)?;
        repaired.moved.extend(duplicates);
        repaired.unreadable.extend(unreadable);
    }
    // The order matters: what was moved aside is the end of no box.
    let Entered { pairs, groups } = takeover::enter(&database, config).await?;
    (repaired.pairs, repaired.groups) = (pairs, groups);
    Ok(repaired)
}

/// What was moved out of one collection.
#[derive(Debug, Default)]
struct Moved {
    duplicates: Vec<Duplicate>,
    unreadable: Vec<(String, String)>,
}

/// Moves what is in the way of the unique index of one collection.
async fn tidy(database: &mongodb::Database, name: &str, side: Side) -> DriverResult<Moved> {
    let (from, to) = (database.collection(name), database.collection(&format!("{name}_duplicates")));
    let mut moved = Moved::default();
    loop {
        let mut found = Vec::new();
        let note = |sight| {
            if matches!(sight, Sight::Duplicate { .. } | Sight::Unreadable(_)) && found.len() < ROUND {
                found.push(sight);
            }
        };
        scan(&from, side, note).await?;
        let is_last = found.len() < ROUND;
        for sight in found {
            match sight {
                Sight::Duplicate { id, seq, key } => {
                    move_aside(&from, &to, doc! { "_id": &key, "id": &id }).await?;
                    moved.duplicates.push(Duplicate::new(name.to_owned(), id, seq, &key));
                }
                Sight::Unreadable(key) => {
                    move_aside(&from, &to, doc! { "_id": &key }).await?;
                    moved.unreadable.push((name.to_owned(), key.to_string()));
                }
                Sight::Box | Sight::Entry | Sight::Unclear(_) | Sight::Hole { .. } => {}
            }
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
    filter: Document,
) -> DriverResult<()> {
    let Some(document) = from.find_one(filter.clone()).await? else { return Ok(()) };
    let key = document.get("_id").cloned().unwrap_or_default();
    to.replace_one(doc! { "_id": key }, document).upsert(true).await?;
    from.delete_one(filter).await?;
    Ok(())
}

impl fmt::Display for Repaired {
    /// Writes one line that has all numbers, and one for each document that was moved.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} documents that have the sequence of another one were moved, and {} without a box or a \
             sequence; {} pairs of the Go service are in the lists of their members; {} groups are there from \
             their next message on",
            self.moved.len(),
            self.unreadable.len(),
            self.pairs,
            self.groups,
        )?;
        self.moved.iter().try_for_each(|Duplicate { collection, id, sequence, key }| {
            write!(f, "\n{key} of {id:?} at {sequence}, from {collection} to {collection}_duplicates")
        })?;
        self.unreadable.iter().try_for_each(|(collection, key)| {
            write!(
                f,
                "\n{key}, which has no box or no sequence, from {collection} to {collection}_duplicates"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repair_says_of_each_document_where_it_was_and_is() {
        let unreadable = ["chat_sync", "chat_history"].map(|name| (name.to_owned(), "7".to_owned()));
        let repaired = Repaired { unreadable: unreadable.into(), ..Repaired::default() };
        let text = repaired.to_string();
        let lines: Vec<_> = text.lines().skip(1).collect();
        let of = |name: &str| format!("7, which has no box or no sequence, from {name} to {name}_duplicates");
        assert_eq!(lines, [of("chat_sync"), of("chat_history")]);
    }
}
