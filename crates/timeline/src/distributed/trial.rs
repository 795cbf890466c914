//! A trial of the writes that a store makes, which leaves nothing behind.

use mongodb::bson::{Document, doc};

use super::database::{Collections, Database, of_link};
use crate::Result;

/// Tries on each collection of a store whether the user may write to it as the store does.
///
/// MongoDB looks first whether the user may do what a command does, and then finds that there is
/// nothing to do: an `_id` that no document may have, an index without fields, a filter that
/// nothing fits. So no collection is made, and nothing is changed.
///
/// # Errors
///
/// [`Unavailable`](crate::ErrorKind::Unavailable) if the user may not, with what to grant, or no
/// majority confirms a write.
pub(super) async fn try_writes(database: &Database) -> Result<()> {
    let names = database.call(|collections| async move { Ok(names(&collections)) }).await?;
    for command in names.iter().flat_map(|name| commands(name)) {
        let tried = database
            .call_raw(move |collections| async move { collections.database.run_command(command).await });
        match tried.await {
            Err(error) if error.kind() != mongo_link::ErrorKind::Answered => return Err(of_link(error)),
            // What MongoDB refuses for what it is, the user may do.
            Ok(_) | Err(_) => {}
        }
    }
    Ok(())
}

fn names(collections: &Collections) -> Vec<String> {
    let Collections { inboxes, histories, rows, groups, intents, notices, boxes, meta, .. } = collections;
    [inboxes, histories, rows, groups, intents, notices, boxes, meta].map(|one| one.name().to_owned()).into()
}

/// Returns commands that need each of the rights of a store, and have no effect.
fn commands(name: &str) -> [Document; 4] {
    let nobody = doc! { "_id": "", "id": "" };
    let majority = doc! { "w": "majority" };
    [
        // An array is no `_id`.
        doc! { "insert": name, "documents": [{ "_id": [1] }], "writeConcern": majority.clone() },
        doc! {
            "update": name,
            "updates": [{ "q": nobody.clone(), "u": { "$set": { "tried": true } } }],
            "writeConcern": majority.clone(),
        },
        doc! { "delete": name, "deletes": [{ "q": nobody, "limit": 1 }], "writeConcern": majority },
        doc! { "createIndexes": name, "indexes": [{ "key": {}, "name": "tried" }] },
    ]
}
