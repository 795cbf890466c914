//! Who is alive, as watchers see it, and who watches whom.
//!
//! All of it is under one lock: whoever begins to watch finds the state that the reader has told
//! last, and hears all that it tells next. The lock of a mailbox is taken inside it, never around.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::error::Error;
use crate::mailbox::Mailbox;

/// The table of one namespace. The reader writes it, watchers read it.
#[derive(Debug, Default)]
pub(crate) struct WatchTable {
    locked: Mutex<Locked>,
    /// The reader is wanted: there is a first watcher, or one asks for a sync.
    pub(crate) wanted: Notify,
    progress: watch::Sender<Progress>,
}

#[derive(Debug, Default)]
struct Locked {
    alive: HashSet<Arc<str>>,
    /// Whether `alive` is what some sync found; nobody is dead before.
    is_known: bool,
    outage: Option<Error>,
    watchers: HashMap<u64, WatcherEntry>,
    watched: HashMap<Arc<str>, Vec<Arc<Mailbox>>>,
    /// How many watchers there have been.
    count: u64,
    /// How often a sync was asked for.
    asked: u64,
    is_closed: bool,
}

/// One watcher.
#[derive(Debug)]
struct WatcherEntry {
    end: Arc<End>,
    streams: Vec<Arc<Mailbox>>,
}

/// How a watcher ended, once it has.
#[derive(Debug, Default)]
pub(crate) struct End {
    cause: OnceLock<Result<(), Error>>,
    pub(crate) has_come: CancellationToken,
}

/// What came of the syncs that were asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    /// Up to which request there has been a sync since.
    pub(crate) done: u64,
    /// Why the last one failed, if it did.
    pub(crate) error: Option<Error>,
}

impl WatchTable {
    /// Adds a watcher, by its number and its end.
    pub(crate) fn open(&self) -> Result<(u64, Arc<End>), Error> {
        let mut locked = self.locked.lock();
        if locked.is_closed {
            return Err(Error::shut_down());
        }
        locked.count += 1;
        let (id, end) = (locked.count, Arc::<End>::default());
        locked.watchers.insert(id, WatcherEntry { end: Arc::clone(&end), streams: Vec::new() });
        drop(locked);
        self.wanted.notify_one();
        Ok((id, end))
    }

    /// Ends a watcher and its streams, and says whether it was the last.
    pub(crate) fn close(&self, watcher: u64) -> bool {
        let mut locked = self.locked.lock();
        if let Some(entry) = locked.watchers.remove(&watcher) {
            locked.end(&entry, None);
        }
        locked.watchers.is_empty()
    }

    /// Ends all watchers, by an error or not; the table may be used again.
    pub(crate) fn end_all(&self, cause: Option<&Error>) {
        let mut locked = self.locked.lock();
        let watchers: Vec<_> = locked.watchers.drain().map(|(_, entry)| entry).collect();
        for entry in watchers {
            locked.end(&entry, cause);
        }
    }

    /// Ends all watchers and takes no more.
    pub(crate) fn shut_down(&self) {
        self.locked.lock().is_closed = true;
        self.end_all(None);
        self.wanted.notify_one();
    }

    /// Adds a stream to a watcher; `None` if that has ended. It is told of an outage that lasts.
    pub(crate) fn open_stream(&self, watcher: u64) -> Option<Arc<Mailbox>> {
        let mut locked = self.locked.lock();
        let outage = locked.outage.clone();
        let entry = locked.watchers.get_mut(&watcher)?;
        let mailbox = Arc::<Mailbox>::default();
        entry.streams.push(Arc::clone(&mailbox));
        if let Some(error) = &outage {
            mailbox.tell(error);
        }
        Some(mailbox)
    }

    /// Removes a stream, with all its keys.
    pub(crate) fn close_stream(&self, watcher: u64, mailbox: &Arc<Mailbox>) {
        let mut locked = self.locked.lock();
        if let Some(entry) = locked.watchers.get_mut(&watcher) {
            entry.streams.retain(|stream| !Arc::ptr_eq(stream, mailbox));
        }
        locked.unwatch_all(mailbox);
        mailbox.close();
    }

    /// Adds keys to a stream, which delivers the state of each first. Returns whether the watcher
    /// still runs.
    pub(crate) fn watch(&self, watcher: u64, mailbox: &Arc<Mailbox>, keys: &[Arc<str>]) -> bool {
        let mut locked = self.locked.lock();
        let Some(entry) = locked.watchers.get(&watcher) else { return false };
        if !entry.streams.iter().any(|stream| Arc::ptr_eq(stream, mailbox)) {
            return false;
        }
        for key in keys {
            let now = locked.is_known.then(|| locked.alive.contains(key));
            if mailbox.change(|unread| unread.add(key, now)) {
                locked.watched.entry(Arc::clone(key)).or_default().push(Arc::clone(mailbox));
            }
        }
        true
    }

    /// Removes keys from a stream, and says how many it had.
    pub(crate) fn unwatch(&self, mailbox: &Arc<Mailbox>, keys: &[Arc<str>]) -> usize {
        let mut locked = self.locked.lock();
        keys.iter().filter(|key| locked.unwatch(mailbox, key)).count()
    }

    /// Removes keys from all streams of a watcher, and says how often it had any.
    pub(crate) fn unwatch_everywhere(&self, watcher: u64, keys: &[Arc<str>]) -> usize {
        let mut locked = self.locked.lock();
        let streams = locked.watchers.get(&watcher).map(|entry| entry.streams.clone());
        let pairs = streams.iter().flatten().flat_map(|stream| keys.iter().map(move |key| (stream, key)));
        pairs.filter(|(stream, key)| locked.unwatch(stream, key)).count()
    }

    /// Returns whether each of these keys is alive; `None` while that is not known.
    pub(crate) fn alive(&self, keys: &[Arc<str>]) -> Option<Vec<bool>> {
        let locked = self.locked.lock();
        locked.is_known.then(|| keys.iter().map(|key| locked.alive.contains(key)).collect())
    }

    /// Asks for a sync, and returns the number of the request.
    pub(crate) fn ask(&self) -> u64 {
        let mut locked = self.locked.lock();
        locked.asked += 1;
        let asked = locked.asked;
        drop(locked);
        self.wanted.notify_one();
        asked
    }

    /// Returns the number of the last request.
    pub(crate) fn asked(&self) -> u64 {
        self.locked.lock().asked
    }

    /// Returns the mailboxes of a watcher with a mark each for what waits there.
    pub(crate) fn marks(&self, watcher: u64) -> Vec<(Arc<Mailbox>, u64)> {
        let locked = self.locked.lock();
        let streams = locked.watchers.get(&watcher).into_iter().flat_map(|entry| &entry.streams);
        streams.map(|stream| (Arc::clone(stream), stream.look(|unread| unread.mark()))).collect()
    }

    pub(crate) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Says whether anybody watches.
    pub(crate) fn is_watched(&self) -> bool {
        !self.locked.lock().watchers.is_empty()
    }

    /// Returns how many keys are watched.
    pub(crate) fn watched(&self) -> usize {
        self.locked.lock().watched.len()
    }

    /// Returns why it cannot be read now, if so.
    pub(crate) fn outage(&self) -> Option<Error> {
        self.locked.lock().outage.clone()
    }

    /// Forgets who is alive, as nobody watches.
    pub(crate) fn forget(&self) {
        let mut locked = self.locked.lock();
        locked.alive.clear();
        locked.is_known = false;
        locked.outage = None;
    }

    /// Takes changes and tells them. `whole` says that they are all who are alive, and that all
    /// others are dead.
    pub(crate) fn change(&self, mut changes: Vec<(Arc<str>, bool)>, whole: bool) {
        let mut locked = self.locked.lock();
        if whole {
            let alive: HashSet<Arc<str>> =
                changes.iter().filter(|(_, alive)| *alive).map(|(key, _)| Arc::clone(key)).collect();
            changes.extend(locked.alive.difference(&alive).map(|key| (Arc::clone(key), false)));
        }
        for (key, alive) in &changes {
            if *alive {
                locked.alive.insert(Arc::clone(key));
            } else {
                locked.alive.remove(key);
            }
            for mailbox in locked.watched.get(key).into_iter().flatten() {
                mailbox.change(|unread| unread.set(key, *alive));
            }
        }
        if whole && !locked.is_known {
            locked.is_known = true;
            // Those who are not alive are told for the first time.
            for (key, mailboxes) in &locked.watched {
                let alive = locked.alive.contains(key);
                mailboxes.iter().for_each(|mailbox| mailbox.change(|unread| unread.set(key, alive)));
            }
        }
    }

    /// Ends a sync that served all up to this request.
    pub(crate) fn served(&self, asked: u64) {
        self.locked.lock().outage = None;
        self.progress.send_modify(|progress| *progress = Progress { done: asked, error: None });
    }

    /// Ends a sync that failed; each outage is told once. The last state is kept.
    pub(crate) fn failed(&self, asked: u64, error: &Error) {
        let mut locked = self.locked.lock();
        let is_first = locked.outage.is_none();
        locked.outage = Some(error.clone());
        if is_first {
            locked.tell(error);
        }
        drop(locked);
        let failed = Progress { done: asked, error: Some(error.clone()) };
        self.progress.send_modify(|progress| *progress = failed);
    }

    /// Tells all streams of something that went wrong.
    pub(crate) fn tell(&self, error: &Error) {
        self.locked.lock().tell(error);
    }
}

impl Locked {
    fn end(&mut self, entry: &WatcherEntry, cause: Option<&Error>) {
        for mailbox in &entry.streams {
            self.unwatch_keys(mailbox);
            if let Some(error) = cause {
                mailbox.tell(error);
            }
            mailbox.close();
        }
        // Nobody else ends it: it was taken out of the map.
        entry.end.cause.get_or_init(|| cause.map_or(Ok(()), |error| Err(error.clone())));
        entry.end.has_come.cancel();
    }

    /// Tells nothing more of the keys of a stream; what waits there may still be read.
    fn unwatch_keys(&mut self, mailbox: &Arc<Mailbox>) {
        let keys: Vec<Arc<str>> = mailbox.look(|unread| unread.keys().cloned().collect());
        keys.iter().for_each(|key| self.leave(mailbox, key));
    }

    fn unwatch_all(&mut self, mailbox: &Arc<Mailbox>) {
        let keys: Vec<Arc<str>> = mailbox.look(|unread| unread.keys().cloned().collect());
        for key in &keys {
            self.unwatch(mailbox, key);
        }
    }

    fn unwatch(&mut self, mailbox: &Arc<Mailbox>, key: &str) -> bool {
        self.leave(mailbox, key);
        mailbox.change(|unread| unread.remove(key))
    }

    fn leave(&mut self, mailbox: &Arc<Mailbox>, key: &str) {
        if let Some(mailboxes) = self.watched.get_mut(key) {
            mailboxes.retain(|other| !Arc::ptr_eq(other, mailbox));
            if mailboxes.is_empty() {
                self.watched.remove(key);
            }
        }
    }

    fn tell(&self, error: &Error) {
        let streams = self.watchers.values().flat_map(|entry| &entry.streams);
        streams.for_each(|stream| stream.tell(error));
    }
}

impl End {
    /// Returns by what it ended, if by an error; `None` if it has not ended.
    pub(crate) fn cause(&self) -> Option<Result<(), Error>> {
        self.cause.get().cloned()
    }
}
