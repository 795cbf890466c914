//! The hook that keeps what is written to channels.

use std::sync::Arc;

use crate::Author;
use crate::protocol::{Message, MessageRef};

/// Keeps what is written to channels, for those who come later.
///
/// The hub stores, and never replays by itself: a [`Handler`](crate::Handler)
/// may, when a client asks. `()` keeps nothing;
/// [`ChannelHistory`](crate::ChannelHistory) keeps the last messages in memory.
#[expect(unused_variables, reason = "the names are for implementors")]
pub trait Storage: Send + Sync {
    /// Tells whether messages of a channel are kept.
    ///
    /// What the program publishes to a channel without members is not even encoded unless it is to
    /// be kept. Must not block.
    fn keeps(&self, channel: &str) -> bool {
        true
    }

    /// Keeps a Write message, before it is delivered.
    ///
    /// It is one that a client was allowed to write and that was no repetition, or one that the
    /// program published. Those of one sender come in their order; different senders call at the
    /// same time. Stream messages, and those of
    /// [`Hub::publish_latest`](crate::Hub::publish_latest), are not kept. Must not block: what goes
    /// to a database is put into a queue here.
    fn store(&self, author: &Author<'_>, message: MessageRef<'_>);

    /// Returns the newest messages kept of a channel, in the order of their writing.
    ///
    /// If more are kept than are asked for, the oldest are left out, and [`History::more`] says so.
    /// By default there are none.
    fn get(&self, channel: &str, newest: usize) -> History {
        History::default()
    }
}

impl Storage for () {
    fn keeps(&self, _channel: &str) -> bool {
        false
    }

    fn store(&self, _author: &Author<'_>, _message: MessageRef<'_>) {}
}

/// Tells the hook that it shares.
impl<S: Storage + ?Sized> Storage for Arc<S> {
    fn keeps(&self, channel: &str) -> bool {
        (**self).keeps(channel)
    }

    fn store(&self, author: &Author<'_>, message: MessageRef<'_>) {
        (**self).store(author, message);
    }

    fn get(&self, channel: &str, newest: usize) -> History {
        (**self).get(channel, newest)
    }
}

/// What is kept of a channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct History {
    /// The newest messages, as many as were asked for, oldest first.
    pub messages: Vec<Message>,
    /// Whether older ones are kept, too.
    pub more: bool,
    /// Whether older ones may have been forgotten for want of memory.
    ///
    /// Then it is not known what was said before.
    pub forgotten: bool,
}

impl History {
    /// Creates a history of all that was ever said, oldest first.
    #[must_use]
    pub fn new(messages: Vec<Message>) -> Self {
        Self { messages, ..Self::default() }
    }
}
