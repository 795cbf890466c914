//! The list of a member's conversations, the most recent first.

use super::super::box_id::BoxId;
use super::super::database::Database;
use super::super::rows;
use super::super::shared::Shared;
use super::listed::{Candidate, Listing, page};
use super::{extents, last_messages, summaries};
use crate::{ConversationMark, ConversationPage, Count, MemberId, Result};

/// Returns a page of a member's list of conversations.
///
/// It looks at all rows of the member, and reads the messages of the page.
///
/// # Errors
///
/// [`Unavailable`](crate::ErrorKind::Unavailable) if the primary does not answer;
/// [`Corrupt`](crate::ErrorKind::Corrupt) if a document cannot be read.
pub(in crate::distributed) async fn conversations(
    shared: &Shared,
    member: &MemberId,
    after: Option<&ConversationMark>,
    count: Count,
) -> Result<ConversationPage> {
    let database = &shared.database;
    let candidates = candidates(database, member).await?;
    let listed = listed(database, candidates).await?;
    let (page, more) = page(listed, after, count);
    summaries::read(database, member, page, more).await
}

/// Returns all conversations of a member, without the groups that they left.
async fn candidates(database: &Database, member: &MemberId) -> Result<Vec<Candidate>> {
    let rows = rows::find_present(database, member).await?;
    let histories: Vec<_> = rows.iter().map(|row| BoxId::history(&row.conversation)).collect();
    let ids: Vec<_> = histories.iter().map(BoxId::as_str).collect();
    let extents = extents::read(database, &ids).await?;
    let candidates = rows.into_iter().zip(histories).map(|(row, history)| {
        let extent = extents.get(history.as_str()).copied().unwrap_or_default();
        Candidate { row, history, extent }
    });
    Ok(candidates.collect())
}

/// Returns those of them that are in the list.
async fn listed(database: &Database, candidates: Vec<Candidate>) -> Result<Vec<Candidate>> {
    let (mut listed, mut open) = (Vec::with_capacity(candidates.len()), Vec::new());
    for candidate in candidates {
        match candidate.listing() {
            Listing::Listed => listed.push(candidate),
            Listing::Open => open.push(candidate),
            Listing::Left => {}
        }
    }
    let windows: Vec<_> = open.iter().map(Candidate::window).collect();
    let messages = last_messages::find(database, &windows).await?;
    // Behind so many other entries there is one, as far as anybody looks.
    let is_listed = |candidate: &Candidate| {
        messages.contains_key(candidate.history.as_str()) || candidate.window().is_cut()
    };
    listed.extend(open.into_iter().filter(is_listed));
    Ok(listed)
}
