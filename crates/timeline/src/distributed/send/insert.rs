//! One unordered insert of entries, and what became of each.

use std::iter::repeat_with;

use mongodb::bson::Document;
use mongodb::error::{ErrorKind as DriverErrorKind, InsertManyError};

use crate::distributed::box_id::Side;
use crate::distributed::database::{Database, of_link};
use crate::distributed::documents::EntryDoc;
use crate::distributed::indexes;
use crate::{Error, ErrorKind};

/// What became of an entry that was to be inserted.
#[derive(Debug, Clone)]
pub(in crate::distributed) enum Inserted {
    /// A majority has it.
    Written,
    /// A majority had a document with its `_id` before: an earlier attempt arrived.
    IsThere,
    /// Another entry has its place.
    Taken,
    /// It is not there, and the same attempt will fail again.
    Refused(Error),
    /// It may be there, now or later; the same attempt settles it.
    Unknown(Error),
}

/// The most bytes of the documents of one command; the server takes 48 MB.
const COMMAND_BYTES: usize = 12 * 1024 * 1024;

/// The most documents of one command; the server takes 100,000.
const COMMAND_ENTRIES: usize = 20_000;

/// The most bytes of a document, of which the server takes 16 MiB.
const ENTRY_BYTES: usize = 15 * 1024 * 1024;

/// Inserts entries of one side, and returns what became of each, in their order.
///
/// It is one command, unless there are too many bytes for one. An entry that fails keeps no other
/// back.
pub(in crate::distributed) async fn insert_entries(
    database: &Database,
    side: Side,
    entries: Vec<EntryDoc>,
) -> Vec<Inserted> {
    let mut inserted = Vec::with_capacity(entries.len());
    let mut command = Command::default();
    for entry in entries {
        let bytes = bytes_of(&entry);
        if !command.has_room(bytes) {
            inserted.extend(command.run(database, side).await);
            command = Command::default();
        }
        command.add(&entry, bytes);
    }
    inserted.extend(command.run(database, side).await);
    inserted
}

/// Closes places that were given out in vain, so that no reader waits for them.
///
/// A place that cannot be closed now is closed by the first reader that waits for it long enough.
/// One that has an entry meanwhile is left as it is.
pub(in crate::distributed) async fn close_holes(database: &Database, side: Side, holes: Vec<EntryDoc>) {
    let places: Vec<_> = holes.iter().map(|hole| (hole.boxed.clone(), hole.seq)).collect();
    for (inserted, (boxed, seq)) in insert_entries(database, side, holes).await.into_iter().zip(places) {
        if let Inserted::Refused(error) | Inserted::Unknown(error) = inserted {
            tracing::debug!("place {seq} of {side} {boxed} was given out in vain, and stays open: {error:#}");
        }
    }
}

/// The documents of one insert.
#[derive(Default)]
struct Command {
    documents: Vec<Document>,
    bytes: usize,
    // Where the entries stand that are too long; the others are in `documents`.
    too_long: Vec<(usize, Error)>,
}

impl Command {
    fn has_room(&self, bytes: usize) -> bool {
        self.documents.is_empty()
            || self.documents.len() < COMMAND_ENTRIES && self.bytes + bytes <= COMMAND_BYTES
    }

    fn add(&mut self, entry: &EntryDoc, bytes: usize) {
        if bytes > ENTRY_BYTES {
            let text = format!(
                "the message and the names of its recipients have {bytes} bytes together; at most \
                 {ENTRY_BYTES} are stored"
            );
            self.too_long.push((self.documents.len() + self.too_long.len(), Error::invalid(text)));
            return;
        }
        self.bytes += bytes;
        self.documents.push(entry.to_document());
    }

    async fn run(self, database: &Database, side: Side) -> Vec<Inserted> {
        let mut inserted = insert(database, side, self.documents).await;
        // They ascend, so each stands where it was when the earlier ones are back.
        for (at, error) in self.too_long {
            inserted.insert(at, Inserted::Refused(error));
        }
        inserted
    }
}

async fn insert(database: &Database, side: Side, documents: Vec<Document>) -> Vec<Inserted> {
    let count = documents.len();
    if count == 0 {
        return Vec::new();
    }
    let answer = database.call_raw(move |collections| async move {
        collections.entries_of(side).insert_many(documents).ordered(false).await.map(drop)
    });
    let inserted = match answer.await {
        Ok(()) => vec![Inserted::Written; count],
        Err(error) => failed(count, error),
    };
    confirmed(database, side, inserted).await
}

/// Returns what became of entries, of which none is sure while the unique index is not in force.
///
/// The order matters: the index is looked for when the entries are there. One that is made after
/// the look judges them.
async fn confirmed(database: &Database, side: Side, inserted: Vec<Inserted>) -> Vec<Inserted> {
    let is_there = |inserted: &Inserted| matches!(inserted, Inserted::Written | Inserted::IsThere);
    if !inserted.iter().any(is_there) {
        return inserted;
    }
    let Err(error) = indexes::in_force(database, side).await else { return inserted };
    let unsure = |one: Inserted| if is_there(&one) { Inserted::Unknown(error.clone()) } else { one };
    inserted.into_iter().map(unsure).collect()
}

/// Returns what a failed command says of its documents.
fn failed(count: usize, error: mongo_link::Error) -> Vec<Inserted> {
    let kind = error.driver().map(|driver| driver.kind.as_ref());
    if let Some(DriverErrorKind::InsertMany(many)) = kind {
        let many = many.clone();
        return by_index(count, &many, &of_link(error));
    }
    // These are found before anything is sent, or instead of doing anything.
    let is_certain = matches!(kind, Some(DriverErrorKind::InvalidArgument { .. } | DriverErrorKind::Bson(_)))
        || error.kind() == mongo_link::ErrorKind::Refused;
    let error = of_link(error);
    vec![if is_certain { Inserted::Refused(error) } else { Inserted::Unknown(error) }; count]
}

fn by_index(count: usize, many: &InsertManyError, error: &Error) -> Vec<Inserted> {
    let failures = || many.write_errors.iter().flatten();
    // A server that stops being the primary in the middle fails some writes, and may take back
    // those before. What a majority did not confirm may be taken back, too, also what was there.
    let is_open = |code: i32| code != DUPLICATE_KEY && !CERTAIN.contains(&code);
    let is_confirmed = many.write_concern_error.is_none() && !failures().any(|failure| is_open(failure.code));
    let rest = if is_confirmed { Inserted::Written } else { Inserted::Unknown(error.clone()) };
    let mut inserted: Vec<_> = repeat_with(|| rest.clone()).take(count).collect();
    for failure in failures() {
        let Some(of_entry) = inserted.get_mut(failure.index) else { continue };
        *of_entry = match failure.code {
            DUPLICATE_KEY if is_on_id(&failure.message) == Some(false) => Inserted::Taken,
            DUPLICATE_KEY if is_confirmed && is_on_id(&failure.message) == Some(true) => Inserted::IsThere,
            code if CERTAIN.contains(&code) => {
                let text = format!("mongodb does not take the message: {}", failure.message);
                Inserted::Refused(Error::new(ErrorKind::InvalidInput, text))
            }
            _ => Inserted::Unknown(error.clone()),
        };
    }
    inserted
}

/// Returns whether a message about a duplicate key is about the index on `_id`.
///
/// It names the index before the key, of which the last part was chosen by callers. Of very many
/// failures the server leaves out the later messages: none says nothing.
fn is_on_id(message: &str) -> Option<bool> {
    message.split_once(" index: ").map(|(_, index)| index.starts_with("_id_ "))
}

/// About as many bytes as the document of an entry has.
fn bytes_of(entry: &EntryDoc) -> usize {
    let record = entry.record.as_ref().map_or(0, |record| {
        // An element of an array has its type, its number as text, and its own length.
        let members: usize = record.members.iter().map(|member| member.as_str().len() + 14).sum();
        members + record.seqs.len() * 16
    });
    entry.entry.bytes() + entry.boxed.len() + record
}

/// A unique index has the key already.
const DUPLICATE_KEY: i32 = 11_000;

/// What is wrong with a document itself.
///
/// A bad value, one that a rule of the collection forbids, or too many bytes, in three ways.
///
/// Source: <https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml>
const CERTAIN: &[i32] = &[2, 121, 10_334, 17_280, 17_419];

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn duplicate(index: usize, key: &str) -> Value {
        let message =
            format!("E11000 duplicate key error collection: im.chat_sync index: {key} dup key: {{ x: 1 }}");
        json!({ "index": index, "code": 11_000, "errmsg": message })
    }

    /// What becomes of three entries after an answer with these errors.
    fn outcome(write_errors: &[Value], concern: &Value) -> [&'static str; 3] {
        let answer = json!({ "writeErrors": write_errors, "writeConcernError": concern });
        let many: InsertManyError = serde_json::from_value(answer).unwrap();
        let error = Error::new(ErrorKind::Unavailable, "the test says so");
        let outcome = by_index(3, &many, &error).into_iter().map(|inserted| match inserted {
            Inserted::Written => "written",
            Inserted::IsThere => "there",
            Inserted::Taken => "taken",
            Inserted::Refused(_) => "refused",
            Inserted::Unknown(_) => "unknown",
        });
        outcome.collect::<Vec<_>>().try_into().unwrap()
    }

    #[test]
    fn each_entry_has_its_own_outcome() {
        let too_large = json!({ "index": 2, "code": 10_334, "errmsg": "object to insert too large" });
        let errors = [duplicate(0, "_id_"), duplicate(1, "id_1_seq_1"), too_large];
        assert_eq!(outcome(&errors, &Value::Null), ["there", "taken", "refused"]);
        assert_eq!(outcome(&errors[1..2], &Value::Null), ["written", "taken", "written"]);
    }

    #[test]
    fn what_a_majority_did_not_confirm_is_unknown() {
        let concern = json!({ "code": 64, "codeName": "WriteConcernFailed", "errmsg": "timed out" });
        let errors = [duplicate(0, "_id_"), duplicate(1, "id_1_seq_1")];
        assert_eq!(outcome(&errors, &concern), ["unknown", "taken", "unknown"]);
        // The server stopped being the primary in the middle.
        let stepped_down = json!({ "index": 2, "code": 11_602, "errmsg": "operation was interrupted" });
        let errors = [duplicate(0, "_id_"), stepped_down];
        assert_eq!(outcome(&errors, &Value::Null), ["unknown", "unknown", "unknown"]);
        let without_message = json!({ "index": 1, "code": 11_000, "errmsg": "" });
        assert_eq!(outcome(&[without_message], &Value::Null), ["written", "unknown", "written"]);
    }

    #[test]
    fn the_index_is_told_by_its_name_and_not_by_what_callers_chose() {
        let message = "E11000 duplicate key error collection: im.x index: id_1_seq_1 dup key: \
                       { id: \" index: _id_ \" }";
        assert_eq!(is_on_id(message), Some(false));
        let message = "E11000 duplicate key error collection: im.x index: _id_ dup key: { _id: 1 }";
        assert_eq!((is_on_id(message), is_on_id("")), (Some(true), None));
    }
}
