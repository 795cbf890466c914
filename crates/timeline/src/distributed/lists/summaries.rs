//! The conversations of a page, with their last messages.

use std::collections::HashMap;

use super::super::database::Database;
use super::super::entry_id::EntryId;
use super::super::{groups, rows};
use super::entries::{self, Place};
use super::last_messages::{self, LastMessage};
use super::listed::Candidate;
use super::unread;
use super::views::{range_of, view_of};
use crate::conversation::peer_of;
use crate::page::PAGE_BYTES_MAX;
use crate::{
    ConversationPage, ConversationSummary, Entry, GroupName, MemberId, Parties, Result, Seq, Unread,
};

/// What a page has beside its rows and the extents of its histories.
struct Around {
    /// The last messages, by their histories.
    entries: HashMap<String, Entry>,
    unread: HashMap<String, Unread>,
    /// How far the other members of pairs have read, by their rows.
    peers: HashMap<EntryId, Seq>,
    titles: HashMap<GroupName, String>,
}

/// Returns a page of these conversations; `more` says whether there are further ones.
///
/// It ends early when it has no room for more. No message is read that is behind that.
///
/// # Errors
///
/// [`Unavailable`](crate::ErrorKind::Unavailable) if the primary does not answer;
/// [`Corrupt`](crate::ErrorKind::Corrupt) if a document cannot be read.
pub(super) async fn read(
    database: &Database,
    member: &MemberId,
    mut page: Vec<Candidate>,
    more: bool,
) -> Result<ConversationPage> {
    let last = last_messages(database, &page).await?;
    let fit = fitting(
        page.iter().map(|candidate| last.get(candidate.history.as_str()).map_or(0, |message| message.bytes)),
    );
    let more = more || fit < page.len();
    page.truncate(fit);
    let around = around(database, member, &page, &last).await?;
    let summaries = page.iter().map(|candidate| Ok(around.summary(member, candidate)));
    ConversationPage::fitting(summaries, more)
}

/// Returns where the last messages of the histories are, as far as their members see them.
async fn last_messages(database: &Database, page: &[Candidate]) -> Result<HashMap<String, LastMessage>> {
    let mut windows = Vec::new();
    let mut known = Vec::new();
    for candidate in page {
        let (window, extent) = (candidate.window(), candidate.extent);
        match extent.last {
            _ if window.after >= window.top => {}
            Some(last) if extent.ends_with_message() => {
                known.push((window.history, LastMessage { place: extent.top, bytes: last.bytes }));
            }
            _ => windows.push(window),
        }
    }
    let mut messages = last_messages::find(database, &windows).await?;
    messages.extend(known);
    Ok(messages)
}

/// Returns how many of the first messages of these sizes have room in a page; one always has.
///
/// What else is in a page counts when it is there.
fn fitting(sizes: impl Iterator<Item = u64>) -> usize {
    let (mut bytes, most) = (0_u64, PAGE_BYTES_MAX as u64);
    let fits = |(index, size): &(usize, u64)| {
        bytes = bytes.saturating_add(*size);
        *index == 0 || bytes <= most
    };
    sizes.enumerate().take_while(fits).count()
}

async fn around(
    database: &Database,
    member: &MemberId,
    page: &[Candidate],
    last: &HashMap<String, LastMessage>,
) -> Result<Around> {
    let places: Vec<_> = page.iter().filter_map(|candidate| place_of(candidate, last)).collect();
    let ranges = page.iter().map(|known| range_of(&known.row, &known.history, &known.extent)).collect();
    let peers: Vec<_> = page.iter().filter_map(|candidate| peer_row(candidate, member)).collect();
    let names: Vec<_> = page.iter().filter_map(group_of).cloned().collect();
    let (entries, unread, peers, titles) = tokio::try_join!(
        entries::read(database, &places),
        unread::count(database, ranges),
        rows::find(database, &peers),
        groups::titles(database, &names),
    )?;
    let peers = peers.into_iter().map(|(key, row)| (key, row.read)).collect();
    Ok(Around { entries, unread, peers, titles })
}

fn place_of(candidate: &Candidate, last: &HashMap<String, LastMessage>) -> Option<Place> {
    let history = candidate.history.as_str();
    let place = last.get(history)?.place;
    Some(Place { history: history.to_owned(), seq: place, was_last: place == candidate.extent.top })
}

/// Returns the row of the other member of a pair.
fn peer_row(candidate: &Candidate, member: &MemberId) -> Option<EntryId> {
    let peer = peer_of(&candidate.row.conversation, member)?;
    Some(EntryId::of_row(peer, &candidate.history))
}

fn group_of(candidate: &Candidate) -> Option<&GroupName> {
    match candidate.row.conversation.parties() {
        Parties::Group(name) => Some(name),
        Parties::Pair(..) => None,
    }
}

impl Around {
    fn summary(&self, member: &MemberId, candidate: &Candidate) -> ConversationSummary {
        let history = candidate.history.as_str();
        let unread = self.unread.get(history).copied().unwrap_or_default();
        let title = group_of(candidate).and_then(|name| self.titles.get(name).cloned());
        let peer = peer_row(candidate, member).and_then(|row| self.peers.get(&row).copied());
        ConversationSummary {
            title: title.unwrap_or_default(),
            last: self.entries.get(history).cloned(),
            peer_read: peer.unwrap_or_default(),
            ..ConversationSummary::new(view_of(&candidate.row, &candidate.extent, unread))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_far_as_a_page_has_room_and_one_at_least() {
        let most = PAGE_BYTES_MAX as u64;
        assert_eq!(fitting([most, 1, 1].into_iter()), 1);
        assert_eq!(fitting([most - 2, 1, 1, 1].into_iter()), 3);
        assert_eq!(fitting([2 * most, 0].into_iter()), 1);
        assert_eq!(fitting([0; 1_000].into_iter()), 1_000);
        assert_eq!(fitting(std::iter::empty()), 0);
    }
}
