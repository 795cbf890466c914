//! Who wants to hear of new inbox entries at once.

use std::sync::Arc;

use crate::{Entry, MemberId, ReadCursor};

/// Hears of every new inbox entry and of what was read, soon after it is durable.
///
/// # Delivery
///
/// Per member in sequence order, each entry at most once, on a thread of its own: the sender may be
/// answered before or after. A process that dies between the commit and the call never makes it,
/// and a send repeated with its message id does not make it again: readers close such holes with
/// [`sync`](crate::Timeline::sync), which the gapless sequences let them notice.
///
/// # Lagging
///
/// Sends do not wait for an observer. Up to 65,536 entries or 64 MiB of messages wait for it; what
/// comes when that is full is left out, and the observer is told how much it [missed](Self::missed)
/// before it hears of the next entry.
pub trait Observer: Send + Sync {
    /// Is told of one entry in the inbox of `member`.
    ///
    /// It should not block, for the entries after this one wait for it. One that panics misses the
    /// entry.
    fn appended(&self, member: &str, entry: &Entry);

    /// Is told how far a conversation was read, for `member` who sees that.
    ///
    /// That is the reader, and in a pair the other one as well, by a call of its own. It comes
    /// behind the entries that were durable before. Cursors only rise, so the next one stands for
    /// one that is missed, and readers ask for the list of conversations when they come, and when
    /// some were [missed](Self::reads_missed). By default nothing is done.
    fn read(&self, member: &MemberId, cursor: &ReadCursor) {
        tracing::trace!(member = member.as_str(), place = cursor.read.get(), "a member has read on");
    }

    /// Is told that a member may have missed what was read.
    ///
    /// It comes from a node that did not hear the others for a while, for each member whose inbox
    /// is watched there. Whoever shows cursors asks for the list of conversations then. By default
    /// nothing is done.
    fn reads_missed(&self, member: &MemberId) {
        tracing::trace!(member = member.as_str(), "a member may have missed what was read");
    }

    /// Is told that it was too slow, and how many entries it did not hear of.
    ///
    /// They are entries of any members.
    fn missed(&self, entries: u64) {
        tracing::debug!(entries, "an observer missed entries");
    }
}

/// Hears nothing.
impl Observer for () {
    fn appended(&self, _member: &str, _entry: &Entry) {}

    fn read(&self, _member: &MemberId, _cursor: &ReadCursor) {}
}

/// Tells the observer that it shares.
impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn appended(&self, member: &str, entry: &Entry) {
        (**self).appended(member, entry);
    }

    fn read(&self, member: &MemberId, cursor: &ReadCursor) {
        (**self).read(member, cursor);
    }

    fn reads_missed(&self, member: &MemberId) {
        (**self).reads_missed(member);
    }

    fn missed(&self, entries: u64) {
        (**self).missed(entries);
    }
}
