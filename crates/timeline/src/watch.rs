//! A reader that stays: what was missed, then what comes.

use std::fmt;
use std::future::poll_fn;
use std::hash::{BuildHasher, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use tokio::time::{Sleep, sleep};

use crate::hole_pause::hole_pause;
use crate::store::InboxChanges;
use crate::{Count, Error, ErrorKind, InboxPage, MemberId, Position, Result, Seq, Store};

/// What a member missed, then what comes, without a gap and without a repetition.
///
/// Made by [`Timeline::watch`](crate::Timeline::watch). Each page has entries, or says
/// [`reset`](InboxPage::reset), or has [`cursors`](InboxPage::cursors) that rose, or has a higher
/// [`floor`](InboxPage::floor) than was known: then the inbox was freed up to there meanwhile. It
/// may have several of these. After a reset the watch goes on from the floor by itself; the reader
/// throws away what it has. Entries that were freed before the watch came to them are left out, and
/// the floor of the page says so.
///
/// Cursors have no place in the inbox, and are told only while a watch lasts. Begin it, and then
/// ask how far was read before, by [`conversations`](crate::Timeline::conversations) or
/// [`read_of`](crate::Timeline::read_of). A page has up to 32 of them, and
/// [`cursors_cut`](InboxPage::cursors_cut) says that more rose.
///
/// It reads a page when it is asked for one, so a reader that is slow holds up nobody and loses
/// nothing. Where the next entry is missing it looks every few seconds whether it came. It keeps
/// its store as a clone of the timeline does.
///
/// # Failures
///
/// A read that failed is an error of one call. The next call tries again from the same position,
/// after a pause that grows from 100 ms to 5 s. Only [`Closed`](ErrorKind::Closed) is the end.
pub struct Watch {
    store: Arc<dyn Store>,
    changes: InboxChanges,
    position: Position,
    // Up to where the reader knows that the inbox was freed; at first, what it has read.
    floor: Seq,
    // How many reads failed in a row.
    failures: u32,
    // How many reads in a row met the hole that is next.
    holes_met: u32,
    phase: Phase,
}

// Most watches wait most of the time, and pay for no more than a thin pointer to the others.
enum Phase {
    /// The inbox may have more than was read.
    Behind,
    Reading(Box<PendingPage>),
    /// All was read, until the inbox changes.
    Waiting,
    /// The next entry is missing, until the inbox changes or this is over.
    AtHole(Pin<Box<Sleep>>),
    /// The same, where a change is looked at later.
    Resting(Pin<Box<Sleep>>),
    /// A read failed; the next one comes later.
    Pausing(Pin<Box<Sleep>>),
    Ended,
}

type PendingPage = Pin<Box<dyn Future<Output = Result<InboxPage>> + Send>>;

/// How long a watch waits after the first failed read.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// How long it waits at most.
const PAUSE_MAX: Duration = Duration::from_secs(5);

impl Watch {
    pub(crate) fn new(store: Arc<dyn Store>, member: &MemberId, last_read: Position) -> Self {
        // The order matters: what is written after this wakes the watch, and what was written
        // before is there for the first read.
        let changes = store.inbox_changes(member);
        let floor = last_read.sequence;
        Self { store, changes, position: last_read, floor, failures: 0, holes_met: 0, phase: Phase::Behind }
    }

    /// Returns the next page, waiting until there is one.
    ///
    /// # Cancel safety
    ///
    /// A dropped call loses nothing.
    ///
    /// # Errors
    ///
    /// [`Closed`](ErrorKind::Closed) once the timeline was shut down or its store has ended by a
    /// fault, now and from then on; after [`Unavailable`](ErrorKind::Unavailable) or
    /// [`Corrupt`](ErrorKind::Corrupt) the next call tries again.
    pub async fn next(&mut self) -> Result<InboxPage> {
        poll_fn(|context| self.poll_page(context)).await
    }

    /// Returns how far it has read: where another watch can go on.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Waits until the inbox may have more than was read, without reading it.
    ///
    /// For a reader that needs something before a page is in memory. Until
    /// [`read_ready`](Self::read_ready) has read, it returns at once.
    ///
    /// # Cancel safety
    ///
    /// A dropped call loses nothing.
    #[cfg(any(feature = "http", feature = "grpc"))]
    pub(crate) async fn ready(&mut self) -> Result<()> {
        poll_fn(|context| self.poll_ready(context)).await
    }

    /// Reads what may be there, and returns it if it says anything new. It waits for nothing else.
    ///
    /// # Cancel safety
    ///
    /// A dropped call loses nothing.
    #[cfg(any(feature = "http", feature = "grpc"))]
    pub(crate) async fn read_ready(&mut self) -> Result<Option<InboxPage>> {
        poll_fn(|context| self.poll_read(context).map(Option::transpose)).await
    }

    fn poll_page(&mut self, context: &mut Context<'_>) -> Poll<Result<InboxPage>> {
        loop {
            ready!(self.poll_ready(context))?;
            if let Some(news) = ready!(self.poll_read(context)) {
                return Poll::Ready(news);
            }
        }
    }

    /// Waits until there is something to read.
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        match &mut self.phase {
            Phase::Behind | Phase::Reading(_) => return Poll::Ready(Ok(())),
            Phase::Waiting => {
                if let Err(closed) = ready!(self.changes.poll_changed(context)) {
                    return Poll::Ready(self.end(closed).map(drop));
                }
            }
            Phase::AtHole(look) => match self.changes.poll_changed(context) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(closed)) => return Poll::Ready(self.end(closed).map(drop)),
                Poll::Pending => ready!(look.as_mut().poll(context)),
            },
            Phase::Resting(rest) => {
                ready!(rest.as_mut().poll(context));
                // Whatever has changed meanwhile is known there.
                self.phase = at_hole();
                return self.poll_ready(context);
            }
            Phase::Pausing(pause) => {
                // Only the end cuts the pause short: that the inbox changes does not say that
                // it can be read again. No change is lost, for a read comes after the pause.
                while let Poll::Ready(changed) = self.changes.poll_changed(context) {
                    if let Err(closed) = changed {
                        return Poll::Ready(self.end(closed).map(drop));
                    }
                }
                ready!(pause.as_mut().poll(context));
            }
            Phase::Ended => return Poll::Ready(Err(Error::closed())),
        }
        self.phase = Phase::Behind;
        Poll::Ready(Ok(()))
    }

    /// Reads once, if there may be something.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<InboxPage>>> {
        if matches!(self.phase, Phase::Behind) {
            self.phase = Phase::Reading(Box::new(self.read()));
        }
        let Phase::Reading(page) = &mut self.phase else { return Poll::Ready(None) };
        let read = ready!(page.as_mut().as_mut().poll(context));
        Poll::Ready(self.take(read))
    }

    fn read(&self) -> PendingPage {
        let (store, member, position) = (Arc::clone(&self.store), self.changes.member(), self.position);
        Box::pin(async move { store.inbox(&member, position, Count::default()).await })
    }

    /// Goes on by what was read, and returns it if it says anything new.
    fn take(&mut self, read: Result<InboxPage>) -> Option<Result<InboxPage>> {
        let mut page = match read {
            Ok(page) => page,
            Err(error) if error.kind() == ErrorKind::Closed => return Some(self.end(error)),
            Err(error) => {
                self.phase = Phase::Pausing(Box::pin(sleep(pause(self.failures))));
                self.failures = self.failures.saturating_add(1);
                return Some(Err(error));
            }
        };
        self.failures = 0;
        let went_on = !page.entries.is_empty() || page.reset;
        let mut is_news = went_on || page.floor > self.floor;
        // They are taken after the read, so a read that fails loses none.
        if let Some(risen) = self.changes.take_cursors() {
            (page.cursors, page.cursors_cut) = (risen.cursors, risen.were_cut);
            is_news = true;
        }
        self.floor = page.floor;
        if let Some(last) = page.entries.last() {
            self.position = Position::new(last.sequence, last.tag);
        } else if page.reset || page.floor > self.position.sequence {
            self.position = page.floor.into();
        }
        // A read that came no further waits for a change, whatever the page says: reading again
        // and again would find the same. At a hole it looks now and then all the same. A store has
        // room for so many holes, and those that found none are closed only as somebody reads.
        let has_more = self.position.sequence < page.latest_seq;
        self.holes_met = if has_more && !went_on { self.holes_met.saturating_add(1) } else { 0 };
        let rest = hole_pause(self.holes_met);
        self.phase = if has_more && went_on {
            Phase::Behind
        } else if rest > Duration::ZERO {
            Phase::Resting(Box::pin(sleep(rest)))
        } else if has_more {
            at_hole()
        } else {
            Phase::Waiting
        };
        is_news.then_some(Ok(page))
    }

    fn end(&mut self, closed: Error) -> Result<InboxPage> {
        self.phase = Phase::Ended;
        Err(closed)
    }
}

/// Returns the phase of a watch that has met a hole: it looks again after 2.5 s to 5 s.
fn at_hole() -> Phase {
    Phase::AtHole(Box::pin(sleep(pause(u32::MAX))))
}

/// Returns the time between a failed read and the next, after so many other failures.
///
/// A part of it is random: a store that comes back would meet all its watchers at once.
fn pause(failures: u32) -> Duration {
    let longest = PAUSE_MIN.saturating_mul(1 << failures.min(10)).min(PAUSE_MAX);
    let parts = u32::try_from(RandomState::new().hash_one(failures) % 1_024).unwrap_or_default();
    longest / 2 + longest / 2 * parts / 1_024
}

impl Stream for Watch {
    type Item = Result<InboxPage>;

    /// Gives what [`next`](Watch::next) returns, and ends after `Closed`.
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if matches!(self.phase, Phase::Ended) {
            return Poll::Ready(None);
        }
        self.poll_page(context).map(Some)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("member", &self.changes.member())
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}
