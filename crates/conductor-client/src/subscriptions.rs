//! Who is told of what comes.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::Error;
use crate::mailbox::Mailbox;

/// The mailboxes of all subscriptions, which the task of the client fills.
#[derive(Debug)]
pub(crate) struct Subscriptions<T> {
    locked: Mutex<Locked<T>>,
}

#[derive(Debug)]
struct Locked<T> {
    /// Shared, so that nobody waits for room with the lock.
    mailboxes: Arc<[Arc<Mailbox<T>>]>,
    /// Once nothing more comes: why, if that was not the program's own wish.
    over: Option<Option<Error>>,
}

impl<T> Subscriptions<T> {
    pub(crate) fn new() -> Self {
        Self { locked: Mutex::new(Locked { mailboxes: Arc::new([]), over: None }) }
    }

    /// Adds a mailbox; after the end it is ended at once, and its reader told why.
    pub(crate) fn add(&self, mailbox: &Arc<Mailbox<T>>) {
        let mut locked = self.locked.lock();
        if let Some(why) = &locked.over {
            mailbox.end(why.clone());
            return;
        }
        let stay = locked.mailboxes.iter().filter(|mailbox| !mailbox.is_abandoned());
        locked.mailboxes = stay.chain([mailbox]).cloned().collect();
    }

    /// Returns those that there are now, without those that nobody reads any more.
    pub(crate) fn all(&self) -> Arc<[Arc<Mailbox<T>>]> {
        let mut locked = self.locked.lock();
        if locked.mailboxes.iter().any(|mailbox| mailbox.is_abandoned()) {
            let stay = locked.mailboxes.iter().filter(|mailbox| !mailbox.is_abandoned());
            locked.mailboxes = stay.cloned().collect();
        }
        Arc::clone(&locked.mailboxes)
    }

    /// Ends them all.
    pub(crate) fn end(&self, why: Option<&Error>) {
        let mut locked = self.locked.lock();
        locked.over = Some(why.cloned());
        let mailboxes = std::mem::replace(&mut locked.mailboxes, Arc::new([]));
        drop(locked);
        mailboxes.iter().for_each(|mailbox| mailbox.end(why.cloned()));
    }
}
