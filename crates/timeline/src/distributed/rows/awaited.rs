//! Rows that a send under way has still to make.
//!
//! Rows that bring somebody in are written before the copies, but a message is in its history
//! before both, and copies come also where the write of the rows failed. Whoever acts on it in
//! between is in the conversation, and is told to try again, not that they were never there.

use std::collections::HashSet;

use futures_util::TryStreamExt;
use mongodb::bson::{Bson, RawDocumentBuf, doc};

use super::super::box_id::BoxId;
use super::super::database::Database;
use super::super::documents::{IntentDoc, IntentKind};
use super::super::entry_id::EntryId;
use super::find::find;
use crate::conversation::Parties;
use crate::{Conversation, Error, ErrorKind, MemberId, Result};

/// Returns why no row of a member was found: it comes, or they were never in the conversation.
///
/// # Errors
///
/// As all that only reads.
pub(in crate::distributed) async fn why_absent(
    database: &Database,
    member: &MemberId,
    conversation: &Conversation,
) -> Result<Error> {
    let history = BoxId::history(conversation);
    let sends = under_way(database, &history).await?;
    // The order matters: a send is not under way any more when its rows are there.
    let row = EntryId::of_row(member, &history);
    let is_awaited = find(database, &[row]).await?.contains_key(&row)
        || match conversation.parties() {
            Parties::Pair(one, other) => !sends.is_empty() && (member == one || member == other),
            Parties::Group(_) => is_named(database, member, &history, &sends).await?,
        };
    Ok(if is_awaited {
        let text = format!(
            "a message to {member} in this conversation was still being written; try again in a moment"
        );
        Error::new(ErrorKind::Unavailable, text)
    } else {
        never_in(member)
    })
}

/// The error of a call about a conversation that its member was never in.
pub(super) fn never_in(member: &MemberId) -> Error {
    Error::new(ErrorKind::NotFound, format!("{member} was never in this conversation"))
}

/// Returns the entries of sends to a history that nodes have noted as begun.
///
/// Those that have ended are noted for a second more.
async fn under_way(database: &Database, history: &BoxId) -> Result<HashSet<EntryId>> {
    let filter = doc! { "ops.id": history.as_str() };
    let read = database.call(move |collections| async move {
        let intents = collections.intents.clone_with_type::<RawDocumentBuf>();
        intents.find(filter).await?.try_collect::<Vec<_>>().await
    });
    let mut entries = HashSet::new();
    for document in read.await? {
        let ops = IntentDoc::read(&document)?.ops.into_iter();
        let sends = ops.filter(|op| op.kind == IntentKind::Send && op.history == *history);
        entries.extend(sends.filter_map(|op| op.key));
    }
    Ok(entries)
}

/// Returns whether one of these entries names a member as a recipient.
async fn is_named(
    database: &Database,
    member: &MemberId,
    history: &BoxId,
    entries: &HashSet<EntryId>,
) -> Result<bool> {
    if entries.is_empty() {
        return Ok(false);
    }
    let keys: Vec<Bson> = entries.iter().map(|key| key.to_bson()).collect();
    let filter = doc! { "id": history.as_str(), "_id": { "$in": keys }, "members": member.as_str() };
    let found = database.call(move |collections| async move {
        collections.histories.find_one(filter).projection(doc! { "_id": 1 }).await
    });
    Ok(found.await?.is_some())
}
