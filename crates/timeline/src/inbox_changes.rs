//! Who waits for which inbox.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::{fmt, mem};

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
    member: MemberId,
    number: u64,
}

#[derive(Default)]
struct Locked {
    // No list is empty, and each ascends by number.
    inboxes: HashMap<MemberId, Vec<WaitingReader>>,
    // The number of the last reader.
    last: u64,
    is_closed: bool,
}

struct WaitingReader {
    number: u64,
    // Whether a change came since the reader was last told of one.
    has_changed: bool,
    // Whether it takes the cursors that rise; nobody frees those of one that does not.
    takes_cursors: bool,
    waker: Option<Waker>,
    // The cursors that rose since the reader last took them. An idle one has none, and pays for no
    // more than the place where they would be.
    cursors: Option<Box<RisenCursors>>,
}

/// The cursors that rose, each conversation and member once.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct RisenCursors {
    pub(crate) cursors: Vec<ReadCursor>,
    /// Whether more rose than there is room for.
    pub(crate) were_cut: bool,
}

/// How many cursors a reader gets with one page.
const CURSORS_MAX: usize = 32;

impl InboxWatchers {
    /// Returns what wakes a reader of this inbox from now on.
    #[must_use]
    pub fn subscribe(&self, member: &MemberId) -> InboxChanges {
        let mut readers = self.lock();
        readers.last += 1;
        let number = readers.last;
        let member = readers.insert(member, number);
        drop(readers);
        InboxChanges { watchers: self.clone(), member, number }
    }

    /// Wakes the readers of an inbox.
    ///
    /// Call it after the change can be read: a reader that is woken earlier finds nothing, and
    /// waits again.
    pub fn notify(&self, member: &MemberId) {
        let (mut woken, mut readers) = (Vec::new(), self.lock());
        for reader in readers.inboxes.get_mut(member).into_iter().flatten() {
            reader.has_changed = true;
            woken.extend(reader.waker.take());
        }
        // Whatever a waker does, it may come back here: the lock is not held meanwhile.
        drop(readers);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Tells the readers of an inbox that a cursor has risen, and wakes them.
    ///
    /// `member` is whose inbox it is: the one who has read, or the other one of the pair. Call it
    /// after the cursor can be read. Of one member and conversation a reader gets the last cursor;
    /// of more than 32 at a time it learns that there were more.
    pub fn notify_read(&self, cursor: &ReadCursor, member: &MemberId) {
        let (mut woken, mut readers) = (Vec::new(), self.lock());
        for reader in readers.inboxes.get_mut(member).into_iter().flatten() {
            if reader.takes_cursors {
                reader.cursors.get_or_insert_default().add(cursor);
            }
            reader.has_changed = true;
            woken.extend(reader.waker.take());
        }
        drop(readers);
        woken.into_iter().for_each(Waker::wake);
    }

    /// Tells all readers, now and from now on, that the store has ended.
    pub fn close(&self) {
        let mut readers = self.lock();
        readers.is_closed = true;
        let inboxes = mem::take(&mut readers.inboxes);
        drop(readers);
        inboxes.into_values().flatten().filter_map(|reader| reader.waker).for_each(Waker::wake);
    }

    /// Returns the inboxes that somebody reads, each once.
    ///
    /// For a store that looks for changes which it was not told of.
    #[must_use]
    pub fn members(&self) -> Vec<MemberId> {
        self.lock().inboxes.keys().cloned().collect()
    }

    /// Returns whether somebody reads an inbox.
    #[must_use]
    pub fn is_watched(&self, member: &MemberId) -> bool {
        self.lock().inboxes.contains_key(member)
    }

    /// Returns how many readers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().inboxes.values().map(Vec::len).sum()
    }

    /// Returns whether there are no readers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().inboxes.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Locked> {
        // Nothing panics while the lock is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Locked {
    /// Adds a reader, and returns the member as the list knows it, so that the text of the id is
    /// there once.
    fn insert(&mut self, member: &MemberId, number: u64) -> MemberId {
        if self.is_closed {
            return member.clone();
        }
        let inbox = self.inboxes.entry(member.clone());
        let member = inbox.key().clone();
        // Most inboxes have one reader: the list begins with room for no more.
        let readers = inbox.or_insert_with(|| Vec::with_capacity(1));
        readers.push(WaitingReader {
            number,
            has_changed: false,
            takes_cursors: true,
            waker: None,
            cursors: None,
        });
        member
    }

    /// Returns a reader, who is here until it is dropped or the store ends.
    fn reader(&mut self, member: &MemberId, number: u64) -> Option<&mut WaitingReader> {
        let readers = self.inboxes.get_mut(member)?;
        let at = readers.binary_search_by_key(&number, |reader| reader.number).ok()?;
        readers.get_mut(at)
    }

    fn remove(&mut self, member: &MemberId, number: u64) -> Option<WaitingReader> {
        let readers = self.inboxes.get_mut(member)?;
        let at = readers.binary_search_by_key(&number, |reader| reader.number).ok()?;
        let removed = readers.remove(at);
        // Room for many is given back after they have left, and not with each one.
        if readers.is_empty() {
            self.inboxes.remove(member);
        } else if readers.len() * 4 < readers.capacity() {
            readers.shrink_to(readers.len() * 2);
        }
        if self.inboxes.len() * 4 < self.inboxes.capacity() {
            self.inboxes.shrink_to(self.inboxes.len() * 2);
        }
        Some(removed)
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
        let mut readers = self.watchers.lock();
        if let Some(reader) = readers.reader(&self.member, self.number) {
            reader.takes_cursors = false;
        }
        drop(readers);
        self
    }

    pub(crate) fn poll_changed(&self, context: &Context<'_>) -> Poll<Result<()>> {
        // The waker is cloned before the lock is taken, and the one before it dropped after: both
        // run code of whoever waits.
        let waker = context.waker().clone();
        let mut readers = self.watchers.lock();
        let Some(reader) = readers.reader(&self.member, self.number) else {
            return Poll::Ready(Err(Error::closed()));
        };
        if mem::take(&mut reader.has_changed) {
            return Poll::Ready(Ok(()));
        }
        let before = reader.waker.replace(waker);
        drop(readers);
        drop(before);
        Poll::Pending
    }

    /// Returns the cursors that rose since the last call, if any did.
    pub(crate) fn take_cursors(&self) -> Option<Box<RisenCursors>> {
        self.watchers.lock().reader(&self.member, self.number)?.cursors.take()
    }

    /// Returns whose inbox it is.
    pub(crate) fn member(&self) -> &MemberId {
        &self.member
    }
}

impl Drop for InboxChanges {
    fn drop(&mut self) {
        let removed = self.watchers.lock().remove(&self.member, self.number);
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
        f.debug_struct("InboxChanges").field("member", &self.member).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
