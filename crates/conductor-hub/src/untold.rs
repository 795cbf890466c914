//! What the lifecycle hook is still to be told of the channels of one connection.
//!
//! The program changes channels from any thread, and the hook hears of it from the task of the
//! connection. What waits in between is here.

use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use crate::BindCause;

/// One change of the channels of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BindChange {
    pub(crate) channel: Arc<str>,
    /// Whether it was bound, or unbound.
    pub(crate) bound: bool,
    pub(crate) cause: BindCause,
}

/// The changes that nobody was told of yet, in their order.
///
/// A change that is taken back before it is told leaves nothing to tell, so each channel waits at
/// most once. That bounds what waits, however often the program changes its mind: by the channels
/// that the hook believes the connection to have, and those that it has.
///
/// **Invariant:** for each channel the changes come in turns, bound and unbound, over all that was
/// told and all that waits.
#[derive(Debug, Default)]
pub(crate) struct UntoldChanges {
    /// Those that are being told, the next one last. Apart from the others: what has been begun is
    /// told to its end, and nobody takes it back any more.
    telling: Vec<BindChange>,
    waiting: IndexMap<Arc<str>, (bool, BindCause), RandomState>,
    /// The channels that the end took. They are told of last.
    at_end: Vec<Arc<str>>,
}

impl UntoldChanges {
    /// Notes a change; it takes back the one that waits for the same channel.
    pub(crate) fn note(&mut self, channel: &Arc<str>, bound: bool, cause: BindCause) {
        // What waits for this channel can only be the opposite: nobody is bound twice in a row.
        if self.waiting.shift_remove(channel).is_none() {
            self.waiting.insert(Arc::clone(channel), (bound, cause));
        }
    }

    /// Notes the channels that the end took.
    pub(crate) fn end(&mut self, channels: impl IntoIterator<Item = Arc<str>>) {
        self.at_end.extend(channels);
    }

    /// Takes the change that is to be told next.
    pub(crate) fn take_next(&mut self) -> Option<BindChange> {
        if self.telling.is_empty() {
            let change = |(channel, (bound, cause))| BindChange { channel, bound, cause };
            self.telling.extend(self.waiting.drain(..).rev().map(change));
        }
        self.telling.pop()
    }

    /// Tells whether a change of a channel waits that nobody has begun to tell.
    pub(crate) fn waits(&self, channel: &str) -> bool {
        self.waiting.contains_key(channel)
    }

    /// Tells whether a change waits.
    pub(crate) fn has_change(&self) -> bool {
        !self.telling.is_empty() || !self.waiting.is_empty()
    }

    /// Returns the channels that the end took.
    pub(crate) fn at_end(&self) -> &[Arc<str>] {
        &self.at_end
    }

    /// Tells whether there is nothing to tell any more.
    pub(crate) fn is_empty(&self) -> bool {
        !self.has_change() && self.at_end.is_empty()
    }
}
