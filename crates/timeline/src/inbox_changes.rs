//! Who waits for which inbox.

mod readers;

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::{fmt, mem};

use self::readers::Readers;
use crate::{Error, MemberId, ReadCursor, Result};

/// Who waits for which inbox; a store has one.
///
/// The store calls [`notify`](Self::notify) once a change can be read. Cloning shares the list. An
/// inbox that nobody waits for takes no room in it, and no time of a send but the look.
#[derive(Clone, Default)]
pub struct InboxWatchers(Arc<Mutex<Locked>>);

/// What wakes a reader of one inbox.
///
/// Dropped, it leaves nothing behind.
pub struct InboxChanges {
    watchers: InboxWatchers,
    // Where the reader is in the list.
    place: u32,
}

#[derive(Default)]
struct Locked {
    readers: Readers,
    is_closed: bool,
}

/// The cursors that rose, each conversation and member once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct RisenCursors {
    pub(crate) cursors: Vec<ReadCursor>,
    /// Whether more rose than there is room for, or may have risen unheard.
    pub(crate) were_cut: bool,
}

/// How many cursors a reader gets with one page.
const CURSORS_MAX: usize = 32;

impl InboxWatchers {
    /// Returns what wakes a reader of this inbox from now on.
    #[must_use]
    pub fn subscribe(&self, member: &MemberId) -> InboxChanges {
        let place = self.lock().readers.insert(member);
        InboxChanges { watchers: self.clone(), place }
    }

    /// Wakes the readers of an inbox.
    ///
    /// Call it after the change can be read: a reader that is woken earlier finds nothing, and
    /// waits again.
    pub fn notify(&self, member: &MemberId) {
        let (mut woken, mut locked) = (Vec::new(), self.lock());
        locked.readers.each(member, |reader| {
            reader.has_changed = true;
            woken.extend(reader.waker.take());
        });
        // Whatever a waker does, it may come back here: the lock is not held meanwhile.
        drop(locked);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Tells the readers of an inbox that a cursor has risen, and wakes them.
    ///
    /// `member` is whose inbox it is: the one who has read, or the other one of the pair. Call it
    /// after the cursor can be read. Of one member and conversation a reader gets the last cursor;
    /// of more than 32 at a time it learns that there were more.
    pub fn notify_read(&self, cursor: &ReadCursor, member: &MemberId) {
        let (mut woken, mut locked) = (Vec::new(), self.lock());
        locked.readers.each(member, |reader| {
            if reader.takes_cursors {
                reader.cursors.get_or_insert_default().add(cursor);
            }
            reader.has_changed = true;
            woken.extend(reader.waker.take());
        });
        drop(locked);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Wakes the readers of an inbox, who may have missed cursors.
    ///
    /// For a store that was deaf for a while, as a cursor is told once. They learn that more may
    /// have risen than they get.
    pub fn notify_reads_missed(&self, member: &MemberId) {
        let (mut woken, mut locked) = (Vec::new(), self.lock());
        locked.readers.each(member, |reader| {
            if reader.takes_cursors {
                reader.cursors.get_or_insert_default().were_cut = true;
                reader.has_changed = true;
                woken.extend(reader.waker.take());
            }
        });
        drop(locked);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Tells all readers, now and from now on, that the store has ended.
    pub fn close(&self) {
        let (mut woken, mut locked) = (Vec::new(), self.lock());
        locked.is_closed = true;
        locked.readers.all(|reader| woken.extend(reader.waker.take()));
        drop(locked);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Returns the inboxes that somebody reads, each once.
    ///
    /// For a store that looks for changes which it was not told of.
    #[must_use]
    pub fn members(&self) -> Vec<MemberId> {
        self.lock().readers.members()
    }

    /// Returns whether somebody reads an inbox.
    #[must_use]
    pub fn is_watched(&self, member: &MemberId) -> bool {
        self.lock().readers.contains(member)
    }

    /// Returns how many readers there are; none counts after the end of the store.
    #[must_use]
    pub fn len(&self) -> usize {
        let locked = self.lock();
        if locked.is_closed { 0 } else { locked.readers.len() }
    }

    /// Returns whether there are no readers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Locked> {
        // Nothing panics while the lock is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RisenCursors {
    fn add(&mut self, risen: &ReadCursor) {
        let is_same = |known: &&mut ReadCursor| {
            known.member == risen.member && known.conversation == risen.conversation
        };
        if let Some(known) = self.cursors.iter_mut().find(is_same) {
            known.read = known.read.max(risen.read);
        } else if self.cursors.len() < CURSORS_MAX {
            self.cursors.push(risen.clone());
        } else {
            self.were_cut = true;
        }
    }
}

impl InboxChanges {
    /// Waits until the inbox has grown, was freed or got a cursor, since the last call.
    ///
    /// A change between two calls is not lost: the next one returns at once. Several changes may be
    /// told as one.
    ///
    /// # Cancel safety
    ///
    /// A dropped call loses nothing.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed) once the store has ended, by a shutdown or by a fault
    /// after which only a restart helps.
    pub async fn changed(&mut self) -> Result<()> {
        poll_fn(|context| self.poll_changed(context)).await
    }

    /// Keeps no cursors for this reader from now on.
    ///
    /// For one that only shows that somebody is there, and never waits for a change: it takes the
    /// same memory however much was read.
    #[must_use]
    pub fn without_cursors(self) -> Self {
        let mut locked = self.watchers.lock();
        if let Some(reader) = locked.readers.get_mut(self.place) {
            reader.takes_cursors = false;
        }
        drop(locked);
        self
    }

    pub(crate) fn poll_changed(&self, context: &Context<'_>) -> Poll<Result<()>> {
        // The waker is cloned before the lock is taken, and the one before it dropped after: both
        // run code of whoever waits.
        let waker = context.waker().clone();
        let mut locked = self.watchers.lock();
        let is_closed = locked.is_closed;
        // The reader is there until this is dropped.
        let Some(reader) = locked.readers.get_mut(self.place).filter(|_| !is_closed) else {
            return Poll::Ready(Err(Error::closed()));
        };
        if mem::take(&mut reader.has_changed) {
            return Poll::Ready(Ok(()));
        }
        let before = reader.waker.replace(waker);
        drop(locked);
        drop(before);
        Poll::Pending
    }

    /// Returns the cursors that rose since the last call, if any did.
    pub(crate) fn take_cursors(&self) -> Option<Box<RisenCursors>> {
        self.watchers.lock().readers.get_mut(self.place)?.cursors.take()
    }

    /// Returns whose inbox it is.
    pub(crate) fn member(&self) -> MemberId {
        let locked = self.watchers.lock();
        locked.readers.member(self.place).cloned().expect("a reader is there until this is dropped")
    }
}

impl Drop for InboxChanges {
    fn drop(&mut self) {
        let removed = self.watchers.lock().readers.remove(self.place);
        // The waker runs code of whoever waits, so it is dropped after the lock.
        drop(removed);
    }
}

impl fmt::Debug for InboxWatchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboxWatchers").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for InboxChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboxChanges").field("member", &self.member()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
