//! A watch on its way to a client: page by page, each in room reserved before.

use std::future::pending;
use std::time::Duration;

use tokio::time::sleep;

use super::CallRefused;
use super::caller::CallEnd;
use super::in_flight::{AnswerMemory, AnswerPermit, RequestConnection};
use super::watches::{NoPlace, WatchPlace};
use crate::proto::v1;
use crate::store::InboxPage;
use crate::{Error, MemberId, Seq, Watch};

/// A watch with what it needs to become an answer. Its place is given back when it is dropped.
pub(crate) struct Watching {
    watch: Watch,
    memory: AnswerMemory,
    connection: Option<RequestConnection>,
    end: CallEnd,
    place: WatchPlace,
    /// Up to where the client knows that the inbox was freed.
    floor: Seq,
}

/// What a watch comes to next.
pub(crate) enum Watched {
    /// What is new, with the room of a whole page.
    Page(NewPage, AnswerPermit),
    /// There was nothing for as long as the caller wanted to wait.
    Idle,
    /// There is something, and no room for it. Asked again, the watch tries again.
    Full,
    /// The store failed. Unless it is [`Unavailable`](crate::ErrorKind::Unavailable), the watch has
    /// ended.
    Failed(Error),
    /// The client may not watch any longer. The watch has ended.
    Ended(CallRefused),
}

/// A page of a watch.
pub(crate) struct NewPage {
    pub(crate) page: v1::SyncMessageReply,
    /// Whether it has entries, or says that they begin elsewhere; if not, it has cursors alone.
    #[cfg_attr(not(feature = "http"), expect(dead_code, reason = "gRPC sends all pages alike"))]
    pub(crate) is_of_inbox: bool,
}

/// Why an inbox is not watched.
#[derive(Debug)]
pub(crate) enum NotWatched {
    /// A field is out of its bounds, or the caller may not.
    Error(Error),
    /// There are too many watches.
    NoPlace(NoPlace),
}

impl From<Error> for NotWatched {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<NoPlace> for NotWatched {
    fn from(none: NoPlace) -> Self {
        Self::NoPlace(none)
    }
}

impl Watching {
    /// Makes the answer of a watch, which ends with `end`.
    pub(crate) fn new(
        watch: Watch,
        place: WatchPlace,
        end: CallEnd,
        memory: &AnswerMemory,
        connection: Option<RequestConnection>,
    ) -> Self {
        let floor = watch.position().sequence;
        Self { watch, memory: memory.clone(), connection, end, place, floor }
    }

    /// Waits for what comes next, for at most `patience` while there is nothing.
    ///
    /// After [`Watched::Ended`] it is not called again.
    pub(super) async fn next(&mut self, patience: Option<Duration>) -> Watched {
        let Self { watch, memory, connection, end, place, floor } = self;
        let next = next_page(watch, memory, connection.as_ref(), patience, |page| {
            new_page(page, place.member(), floor)
        });
        tokio::select! {
            // The order matters: nothing is told any more to who may not hear it.
            biased;
            why = end => Watched::Ended(why),
            watched = next => watched,
        }
    }
}

async fn next_page(
    watch: &mut Watch,
    memory: &AnswerMemory,
    connection: Option<&RequestConnection>,
    patience: Option<Duration>,
    told: impl FnOnce(&InboxPage) -> NewPage,
) -> Watched {
    loop {
        tokio::select! {
            ready = watch.ready() => {
                if let Err(error) = ready {
                    return Watched::Failed(error);
                }
            }
            () = wait(patience) => return Watched::Idle,
        }
        // The order matters: a watch that waits holds no room, and no page is read without any, or
        // as many pages would be in memory as there are watches of one group.
        let Ok(room) = memory.reserve(connection.cloned()).await else { return Watched::Full };
        match watch.read_ready().await {
            Ok(Some(page)) => return Watched::Page(told(&page), room),
            // What woke it was in the page before.
            Ok(None) => {}
            Err(error) => return Watched::Failed(error),
        }
    }
}

/// Returns a page as the client is told it, who knows that the inbox was freed up to `floor`.
fn new_page(page: &InboxPage, member: &MemberId, floor: &mut Seq) -> NewPage {
    let has_cursors = !page.cursors.is_empty() || page.cursors_cut;
    let is_of_inbox = !has_cursors || page.reset || !page.entries.is_empty() || page.floor > *floor;
    *floor = page.floor;
    NewPage { page: v1::SyncMessageReply::watched(page, member), is_of_inbox }
}

async fn wait(patience: Option<Duration>) {
    match patience {
        Some(patience) => sleep(patience).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Conversation, ReadCursor};

    fn member(id: &str) -> MemberId {
        MemberId::new(id).unwrap()
    }

    #[test]
    fn a_page_of_cursors_alone_is_about_the_inbox_only_if_that_was_freed_meanwhile() {
        let pair = Conversation::single(member("alice"), member("bob"));
        let mut page = InboxPage::new(Seq::ZERO, Vec::new());
        page.cursors = vec![ReadCursor::new(member("bob"), pair, Seq::ZERO.next())];
        let mut floor = Seq::ZERO;
        let mut told = |page: &InboxPage| new_page(page, &member("bob"), &mut floor);
        assert!(!told(&page).is_of_inbox);
        assert_eq!(told(&page).page.cursors[0].with, "alice");
        page.floor = Seq::new(3).unwrap();
        assert!(told(&page).is_of_inbox);
        assert!(!told(&page).is_of_inbox, "that floor is known");
        page.reset = true;
        assert!(told(&page).is_of_inbox);
        // Without cursors a page is about nothing else.
        assert!(told(&InboxPage::new(Seq::ZERO, Vec::new())).is_of_inbox);
    }
}
