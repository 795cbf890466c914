//! What a conversation is to one of its members.

use mongodb::bson::doc;

use super::super::box_id::BoxId;
use super::super::call_end;
use super::super::documents::RowDoc;
use super::super::entry_id::EntryId;
use super::super::rows;
use super::super::shared::Shared;
use super::extents::{self, Extent};
use super::unread::{self, Range};
use crate::{Conversation, ConversationView, Count, MemberId, Result, Seq, Unread, ViewPage};

/// Returns a conversation as a member sees it, if they were ever in it.
///
/// # Errors
///
/// [`Unavailable`](crate::ErrorKind::Unavailable) if the primary does not answer;
/// [`Corrupt`](crate::ErrorKind::Corrupt) if a document cannot be read. So it is for all that
/// reads.
pub(in crate::distributed) async fn view(
    shared: &Shared,
    member: &MemberId,
    conversation: &Conversation,
) -> Result<Option<ConversationView>> {
    let Some((row, extent)) = row_and_extent(shared, member, conversation).await? else { return Ok(None) };
    let history = BoxId::history(conversation);
    let ranges = vec![range_of(&row, &history, &extent)];
    let unread = unread::count(&shared.database, ranges).await?;
    let unread = unread.get(history.as_str()).copied().unwrap_or_default();
    Ok(Some(view_of(&row, &extent, unread)))
}

/// Returns a page of all conversations that a member was ever in, in the order of the histories.
pub(in crate::distributed) async fn views(
    shared: &Shared,
    member: &MemberId,
    after: Option<&Conversation>,
    count: Count,
) -> Result<ViewPage> {
    let after = after.map(BoxId::history);
    // One more than fits says that there are more.
    let mut rows =
        rows::find_of(&shared.database, member, after.as_ref().map(BoxId::as_str), count.get() + 1).await?;
    let more = rows.len() > count.get();
    rows.truncate(count.get());
    let histories: Vec<_> = rows.iter().map(|row| BoxId::history(&row.conversation)).collect();
    let ids: Vec<_> = histories.iter().map(BoxId::as_str).collect();
    let extents = extents::read(&shared.database, &ids).await?;
    let extent = |history: &BoxId| extents.get(history.as_str()).copied().unwrap_or_default();
    let both = || rows.iter().zip(&histories);
    let ranges = both().map(|(row, history)| range_of(row, history, &extent(history))).collect();
    let counted = unread::count(&shared.database, ranges).await?;
    let view = |(row, history): (&RowDoc, &BoxId)| {
        let unread = counted.get(history.as_str()).copied().unwrap_or_default();
        view_of(row, &extent(history), unread)
    };
    Ok(ViewPage::new(both().map(view).collect(), more))
}

/// Frees a conversation for one member.
///
/// # Errors
///
/// [`NotFound`](crate::ErrorKind::NotFound) for a conversation that the member was never in;
/// [`Unavailable`](crate::ErrorKind::Unavailable) when it is unknown whether it was cleared, or
/// while the send that brings the member in is under way.
pub(in crate::distributed) async fn clear(
    shared: &Shared,
    member: &MemberId,
    conversation: &Conversation,
) -> Result<()> {
    let Some((_, extent)) = row_and_extent(shared, member, conversation).await? else {
        return Err(rows::why_absent(&shared.database, member, conversation).await?);
    };
    let row = EntryId::of_row(member, &BoxId::history(conversation)).to_bson();
    let clear = doc! { "q": { "_id": row }, "u": { "$max": { "cleared": extent.top.to_i64() } } };
    rows::update(&shared.database, &[clear], call_end::end(shared.config.timeout)).await
}

async fn row_and_extent(
    shared: &Shared,
    member: &MemberId,
    conversation: &Conversation,
) -> Result<Option<(RowDoc, Extent)>> {
    let history = BoxId::history(conversation);
    let (row, ids) = ([EntryId::of_row(member, &history)], [history.as_str()]);
    let (rows, extents) =
        tokio::try_join!(rows::find(&shared.database, &row), extents::read(&shared.database, &ids))?;
    let extent = extents.get(history.as_str()).copied().unwrap_or_default();
    Ok(rows.into_values().next().map(|row| (row, extent)))
}

/// Returns up to where the history is gone for the member whose row this is.
pub(super) fn floor_of(row: &RowDoc, extent: &Extent) -> Seq {
    extent.floor.max(row.cleared)
}

/// Returns the places that the member has not read.
pub(super) fn range_of(row: &RowDoc, history: &BoxId, extent: &Extent) -> Range {
    let base = floor_of(row, extent).max(row.read).max(row.joined);
    Range { history: history.as_str().to_owned(), base, top: extent.top }
}

/// Returns a conversation as the member sees it whose row this is.
pub(super) fn view_of(row: &RowDoc, extent: &Extent, unread: Unread) -> ConversationView {
    ConversationView {
        read: row.read,
        unread,
        latest: extent.top,
        floor: floor_of(row, extent),
        at_ms: extent.last_ms.max(row.since_ms),
        has_left: row.has_left,
        ..ConversationView::new(row.conversation.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    fn row(read: u64, joined: u64, cleared: u64) -> RowDoc {
        let member = |id: &str| MemberId::new(id).unwrap();
        RowDoc {
            member: member("a"),
            conversation: Conversation::single(member("a"), member("b")),
            read: seq(read),
            joined: seq(joined),
            cleared: seq(cleared),
            since_ms: 50,
            has_left: false,
        }
    }

    #[test]
    fn what_was_read_cleared_freed_or_there_before_is_not_unread() {
        let extent = Extent { floor: seq(3), top: seq(9), last_ms: 60, last: None };
        let base = |read, joined, cleared| {
            let row = row(read, joined, cleared);
            range_of(&row, &BoxId::history(&row.conversation), &extent).base.get()
        };
        assert_eq!([base(5, 1, 4), base(1, 6, 4), base(1, 2, 7), base(1, 2, 0)], [5, 6, 7, 3]);
    }

    #[test]
    fn a_view_has_the_later_time_and_the_higher_floor() {
        let extent = |last_ms| Extent { floor: seq(3), top: seq(9), last_ms, last: None };
        let view = view_of(&row(5, 1, 4), &extent(60), Unread::new(2));
        assert_eq!((view.read, view.latest, view.floor), (seq(5), seq(9), seq(4)));
        assert_eq!((view.at_ms, view.unread.get()), (60, 2));
        assert_eq!(view_of(&row(5, 1, 0), &extent(40), Unread::default()).at_ms, 50);
    }
}
