//! What a MongoDB has to have for a store.

#[cfg(test)]
mod tests;

use mongodb::bson::{Document, doc};

use super::database::Database;
use crate::{Error, ErrorKind, Result};

/// The oldest MongoDB that has what the store needs.
pub(super) const VERSION_MIN: (u32, u32) = (5, 0);

/// Checks the primary, which is to be no older than `least`; returns its version.
///
/// # Errors
///
/// [`Config`](ErrorKind::Config) if it is too old, or no member of a replica set;
/// [`Unavailable`](ErrorKind::Unavailable) if it does not answer.
pub(super) async fn check(database: &Database, least: (u32, u32)) -> Result<String> {
    let ask = |command: Document| {
        database.call(move |collections| async move { collections.database.run_command(command).await })
    };
    let (major, minor) = version(&ask(doc! { "buildInfo": 1 }).await?);
    if (major, minor) < least {
        let text = format!(
            "mongodb is version {major}.{minor}; the timelines need {}.{} or later: upgrade it",
            least.0, least.1
        );
        return Err(Error::new(ErrorKind::Config, text));
    }
    if !is_replicated(&ask(doc! { "hello": 1 }).await?) {
        let text = "mongodb is no replica set, without which the timelines have no transactions and hear of no \
                    changes: start mongod with --replSet and run rs.initiate(), also for one server";
        return Err(Error::new(ErrorKind::Config, text));
    }
    Ok(format!("{major}.{minor}"))
}

/// Returns the first two numbers of the version that an answer of `buildInfo` names.
fn version(answer: &Document) -> (u32, u32) {
    let parts: Vec<u32> = answer
        .get_array("versionArray")
        .map(|parts| parts.iter().filter_map(|part| part.as_i32()?.try_into().ok()).collect())
        .unwrap_or_default();
    (parts.first().copied().unwrap_or(0), parts.get(1).copied().unwrap_or(0))
}

/// Whether an answer of `hello` is that of a replica set, or of a router to several.
fn is_replicated(answer: &Document) -> bool {
    answer.get_str("setName").is_ok() || answer.get_str("msg").is_ok_and(|said| said == "isdbgrid")
}
