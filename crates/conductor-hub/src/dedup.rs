//! The hook that tells repeated messages from new ones.

mod standard;

use std::sync::Arc;

use crate::Sender;

pub use self::standard::StandardDedup;

/// Remembers which messages came, so that a repeated one is dropped.
///
/// The hub asks about each Write and Server message that has a uuid, when it has decided that the
/// client may send it. Binds, streams and what the program publishes are never asked about. Clients
/// call at the same time, each from its connection's task: nothing of this may block. A hook of
/// one's own is for what has to be remembered elsewhere or for longer; the default is a
/// [`StandardDedup`] of the hub's [`Config`](crate::Config).
///
/// Uuids are those of one sender. A hook that compares them across senders lets anybody suppress
/// the message of another whose uuid they guess.
pub trait Dedup: Send + Sync {
    /// Begins.
    ///
    /// Called once by [`Hub::start`](crate::Hub::start), before any message comes.
    fn start(&self) {}

    /// Remembers a uuid; returns whether it is new.
    ///
    /// Both are one step: of several that add the same at once, one hears that it is new.
    fn add(&self, sender: &Sender<'_>, uuid: &str) -> bool;

    /// Tells whether a uuid is remembered, and remembers nothing.
    ///
    /// Never called by the hub, as [`add`](Self::add) tells; for the program's own use.
    fn is_duplicate(&self, sender: &Sender<'_>, uuid: &str) -> bool;

    /// Forgets a uuid, so that its message may come again.
    ///
    /// Never called by the hub; for the program's own use.
    fn remove(&self, sender: &Sender<'_>, uuid: &str);
}

/// Asks the hook that it shares.
impl<D: Dedup + ?Sized> Dedup for Arc<D> {
    fn start(&self) {
        (**self).start();
    }

    fn add(&self, sender: &Sender<'_>, uuid: &str) -> bool {
        (**self).add(sender, uuid)
    }

    fn is_duplicate(&self, sender: &Sender<'_>, uuid: &str) -> bool {
        (**self).is_duplicate(sender, uuid)
    }

    fn remove(&self, sender: &Sender<'_>, uuid: &str) {
        (**self).remove(sender, uuid);
    }
}
