//! What a change of a group writes, all of it or nothing.
//!
//! # Groups without history
//!
//! No message may come between the look at the history and the group. Places of the history have
//! no lock; but two who write to one key of a unique index within a transaction meet, also if one
//! of them takes its document out again. So the transaction puts claims on the next places of the
//! history and removes them before it ends:
//!
//! ```text
//!  the other's entry   committed before the look       seen: there is a history
//!                      between look and claim          the transaction meets it, and begins again
//!                      behind the claim                waits for the end of the transaction
//! ```
//!
//! Nobody ever sees a claim, and none is left when a node dies.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::TryStreamExt;
use mongodb::ClientSession;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};
use mongodb::error::{Result as DriverResult, UNKNOWN_TRANSACTION_COMMIT_RESULT};
use tokio::time::{Instant, sleep};

use super::super::box_id::BoxId;
use super::super::database::Collections;
use super::super::documents::{CLAIM, EntryDoc, RowDoc};
use super::super::entry_id::EntryId;
use crate::Seq;

/// How many places are claimed: more sends to a name that nobody has used are hardly under way.
pub(in crate::distributed) const CLAIMED: usize = 16;

/// The wait before a commit is asked for once more.
const COMMIT_PAUSE: Duration = Duration::from_millis(50);

/// What a change of a group writes.
#[derive(Debug)]
pub(super) struct Transaction {
    /// The group as it is then.
    pub(super) group: Document,
    /// How often the group was changed before; none if it is new.
    pub(super) rev: Option<i64>,
    /// The rows of those who join, as they are if there is none.
    pub(super) joined: Vec<RowDoc>,
    /// The rows of those who leave.
    pub(super) left: Vec<EntryId>,
    /// The time of the change, in milliseconds since 1970.
    pub(super) at: i64,
    /// The end of the history, which is not unread to those who join.
    pub(super) top: Seq,
    /// The history that must stay empty until then, if it must.
    pub(super) claim: Option<Claim>,
}

/// A history whose next places nobody may take meanwhile.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) history: BoxId,
    pub(super) at_ms: u64,
}

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// A majority has it.
    Committed,
    /// The group is another one by now; nothing was written.
    Stale,
    /// The history has got an entry; nothing was written.
    HasHistory,
}

impl Transaction {
    /// Runs once, and asks for the result of the commit until `end`.
    pub(super) async fn run(&self, collections: &Collections, end: Instant) -> DriverResult<Written> {
        let mut session = collections.database.client().start_session().await?;
        session.start_transaction().await?;
        let written = self.write(collections, &mut session).await;
        if !matches!(written, Ok(Written::Committed)) {
            if let Err(error) = session.abort_transaction().await {
                tracing::debug!("a transaction was not aborted, and ends by itself: {error}");
            }
            return written;
        }
        loop {
            match session.commit_transaction().await {
                Err(error)
                    if error.contains_label(UNKNOWN_TRANSACTION_COMMIT_RESULT)
                        && Instant::now() + COMMIT_PAUSE < end =>
                {
                    sleep(COMMIT_PAUSE).await;
                }
                committed => return committed.map(|()| Written::Committed),
            }
        }
    }

    async fn write(&self, collections: &Collections, session: &mut ClientSession) -> DriverResult<Written> {
        if let Some(claim) = &self.claim
            && !claim.put(collections, session, self.top).await?
        {
            return Ok(Written::HasHistory);
        }
        if !self.write_group(collections, session).await? {
            return Ok(Written::Stale);
        }
        self.join(collections, session).await?;
        if !self.left.is_empty() {
            let filter = doc! { "_id": { "$in": ids(&self.left) } };
            let leave = doc! { "$set": { "left": true }, "$max": { "left_at": self.top.to_i64() } };
            collections.rows.update_many(filter, leave).session(&mut *session).await?;
        }
        if let Some(claim) = &self.claim {
            claim.remove(collections, session, self.top).await?;
        }
        Ok(Written::Committed)
    }

    /// Writes the group, unless it was changed meanwhile.
    async fn write_group(
        &self,
        collections: &Collections,
        session: &mut ClientSession,
    ) -> DriverResult<bool> {
        let Some(rev) = self.rev else {
            // Another one of that name is E11000, and looked at then.
            collections.groups.insert_one(&self.group).session(session).await?;
            return Ok(true);
        };
        let filter = doc! { "_id": self.group.get("_id").cloned().unwrap_or(Bson::Null), "rev": rev };
        let replaced = collections.groups.replace_one(filter, &self.group).session(session).await?;
        Ok(replaced.matched_count == 1)
    }

    /// Writes the rows of those who join.
    ///
    /// One who was sent to before is in the conversation already and keeps the row; one who has
    /// left begins again.
    async fn join(&self, collections: &Collections, session: &mut ClientSession) -> DriverResult<()> {
        if self.joined.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = self.joined.iter().map(RowDoc::to_document).collect();
        let keys: Vec<Bson> = rows.iter().filter_map(|row| row.get("_id").cloned()).collect();
        let known = known_rows(collections, session, &keys).await?;
        let is_new = |row: &&Document| key(row).is_none_or(|key| !known.contains(&key));
        let new: Vec<_> = rows.iter().filter(is_new).collect();
        if !new.is_empty() {
            collections.rows.insert_many(new).session(&mut *session).await?;
        }
        if !known.is_empty() {
            let filter = doc! { "_id": { "$in": keys }, "left": true };
            let again = doc! {
                "$set": { "left": false, "joined": self.top.to_i64() },
                "$max": { "since": self.at },
            };
            collections.rows.update_many(filter, again).session(session).await?;
        }
        Ok(())
    }
}

impl Claim {
    /// Puts claims on the places behind `top`, unless the history has got an entry.
    async fn put(
        &self,
        collections: &Collections,
        session: &mut ClientSession,
        top: Seq,
    ) -> DriverResult<bool> {
        let behind = doc! { "id": self.history.as_str(), "seq": { "$gt": top.to_i64() } };
        let found = collections.histories.find_one(behind).projection(doc! { "_id": 1 });
        if found.session(&mut *session).await?.is_some() {
            return Ok(false);
        }
        let claim = |place| EntryDoc::claim(&self.history, place, self.at_ms).to_document();
        let claims: Vec<_> = places_behind(top).map(claim).collect();
        collections.histories.insert_many(claims).session(session).await?;
        Ok(true)
    }

    async fn remove(
        &self,
        collections: &Collections,
        session: &mut ClientSession,
        top: Seq,
    ) -> DriverResult<()> {
        let places: Vec<_> = places_behind(top).map(Seq::to_i64).collect();
        let claims = doc! { "id": self.history.as_str(), "seq": { "$in": places }, "kind": CLAIM };
        collections.histories.delete_many(claims).session(session).await?;
        Ok(())
    }
}

/// Returns which of these rows are there.
async fn known_rows(
    collections: &Collections,
    session: &mut ClientSession,
    keys: &[Bson],
) -> DriverResult<HashSet<EntryId>> {
    let rows = collections.rows.clone_with_type::<RawDocumentBuf>();
    let filter = doc! { "_id": { "$in": keys } };
    let mut cursor = rows.find(filter).projection(doc! { "_id": 1 }).session(&mut *session).await?;
    let found: Vec<_> = cursor.stream(session).try_collect().await?;
    let key = |row: &RawDocumentBuf| row.get("_id").ok().flatten().and_then(EntryId::read);
    Ok(found.iter().filter_map(key).collect())
}

fn places_behind(top: Seq) -> impl Iterator<Item = Seq> {
    std::iter::successors(Some(top.next()), |place| Some(place.next())).take(CLAIMED)
}

fn ids(keys: &[EntryId]) -> Vec<Bson> {
    keys.iter().map(|key| key.to_bson()).collect()
}

/// Returns the `_id` of a row that is to be written.
fn key(row: &Document) -> Option<EntryId> {
    let Bson::Binary(id) = row.get("_id")? else { return None };
    Some(EntryId::Ours(id.bytes.as_slice().try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Conversation, GroupName, MemberId};

    #[test]
    fn the_next_places_are_claimed() {
        let places: Vec<_> = places_behind(Seq::new(3).unwrap()).map(Seq::get).collect();
        assert_eq!(places, (4..=19).collect::<Vec<_>>());
    }

    #[test]
    fn the_key_of_a_row_is_read_off_its_document() {
        let conversation = Conversation::group(GroupName::new("tea").unwrap());
        let member = MemberId::new("a").unwrap();
        let id = EntryId::of_row(&member, &BoxId::history(&conversation));
        assert_eq!(key(&doc! { "_id": id.to_bson() }), Some(id));
        assert_eq!(key(&doc! { "_id": "a" }), None);
    }
}
