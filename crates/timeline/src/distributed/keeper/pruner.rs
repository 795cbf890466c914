//! The removal of what lies below floors.

use mongodb::bson::{Document, RawDocumentBuf, doc};

use crate::distributed::box_id::{BoxId, Side};
use crate::distributed::documents::Head;
use crate::distributed::read;
use crate::distributed::shared::Shared;
use crate::{Result, Seq};

/// How many sequences one command removes.
const SEQUENCES: u64 = 5_000;

/// Returns up to where something is left that nobody reads any more; none if nothing is.
pub(super) async fn left(shared: &Shared, boxed: &BoxId) -> Result<Option<Seq>> {
    let to = removable(boxed, &read::head(shared, boxed).await?);
    Ok(first(shared, boxed, to).await?.map(|_| to))
}

/// Removes the entries of a box up to a sequence, as far as they lie below its floor.
///
/// Nothing can be read of them, and the floor is durable. A node that stands still in the middle
/// does no harm when it goes on: what was below the floor then is so for ever.
pub(super) async fn prune(shared: &Shared, boxed: &BoxId, to: Seq) -> Result<()> {
    let to = to.min(removable(boxed, &read::head(shared, boxed).await?));
    while let Some(first) = first(shared, boxed, to).await? {
        let last = Seq::new(first.get().saturating_add(SEQUENCES - 1)).unwrap_or(Seq::MAX).min(to);
        let (side, filter) = (boxed.side(), up_to(boxed, last));
        let removed = shared
            .database
            .call(move |collections| async move { collections.entries_of(side).delete_many(filter).await });
        let removed = removed.await?.deleted_count;
        metrics::counter!("timeline_entries_pruned_total").increment(removed);
    }
    Ok(())
}

/// Returns up to where entries may be removed: in a history only what has left the inboxes, too.
fn removable(boxed: &BoxId, head: &Head) -> Seq {
    match boxed.side() {
        Side::Inbox => head.floor,
        Side::History => head.floor.min(head.pruned),
    }
}

/// Returns the first sequence of a box that has an entry, if it is not behind another one.
async fn first(shared: &Shared, boxed: &BoxId, to: Seq) -> Result<Option<Seq>> {
    if to == Seq::ZERO {
        return Ok(None);
    }
    let (side, filter) = (boxed.side(), up_to(boxed, to));
    let found = shared.database.call(move |collections| async move {
        let entries = collections.entries_of(side).clone_with_type::<RawDocumentBuf>();
        let found = entries.find_one(filter).sort(doc! { "id": 1, "seq": 1 });
        found.projection(doc! { "_id": 0, "seq": 1 }).await
    });
    // It may be a number of any type; what is no whole one would be met again and again.
    let first = found.await?.map(|entry| read::seq_of(&entry));
    Ok(first.filter(|first| *first > Seq::ZERO))
}

fn up_to(boxed: &BoxId, last: Seq) -> Document {
    doc! { "id": boxed.as_str(), "seq": { "$gt": 0_i64, "$lte": last.to_i64() } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Conversation, MemberId};

    #[test]
    fn entries_of_a_history_are_removed_when_their_copies_have_lost_the_text() {
        let [three, seven] = [3, 7].map(|number| Seq::new(number).unwrap());
        let head = Head { floor: seven, pruned: three, ..Head::default() };
        let member = |id| MemberId::new(id).unwrap();
        let history = BoxId::history(&Conversation::single(member("a"), member("b")));
        assert_eq!(removable(&history, &head), three);
        assert_eq!(removable(&history, &Head { pruned: Seq::MAX, ..head.clone() }), seven);
        assert_eq!(removable(&BoxId::inbox(&member("a")), &head), seven);
    }

    #[test]
    fn heads_are_never_removed() {
        let filter = up_to(&BoxId::inbox(&MemberId::new("a").unwrap()), Seq::MAX);
        assert_eq!(filter, doc! { "id": "a", "seq": { "$gt": 0_i64, "$lte": i64::MAX } });
    }
}
