//! What the handle, the committing thread and the watchdog share.

use std::mem;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use super::damage::Damage;
use super::metrics;
use super::tables::Tables;
use crate::store::InboxWatchers;
use crate::{Error, ErrorKind, Result, State};

/// The open keyspaces and the state of the store.
#[derive(Debug)]
pub(super) struct Shared {
    /// Locked before `parts` where both are needed.
    slot: RwLock<Availability>,
    parts: Mutex<Faults>,
    state: watch::Sender<State>,
    /// Since when a batch is being written, or a write is tried.
    pub(super) writing: Mutex<Option<Instant>>,
    /// Whether the committing thread shall try a write.
    probe_due: AtomicBool,
    /// When the committing thread is to be woken, if nobody sends before.
    wake_at: Mutex<Option<Instant>>,
    pub(super) damage: Damage,
    /// Since when texts are erased that the files of the store may still have, in milliseconds
    /// since 1970.
    erased_since: Mutex<Option<u64>>,
    /// Each export that goes on holds it.
    exports: Arc<ExportToken>,
    /// Whether erased texts are to leave the files now; then no export begins, and each that goes
    /// on is to end.
    erasing: watch::Sender<bool>,
    /// Whether the files are being replaced; then the store cannot be opened again.
    is_merging: AtomicBool,
    /// How often the files were replaced so that none has an erased text; tests wait for it.
    pub(super) rewrites: watch::Sender<u64>,
    /// How many sends of the next batch are planned while one is written, and how many calls wait
    /// with them; tests wait for it.
    #[cfg(test)]
    pub(super) planned_ahead: watch::Sender<(usize, usize)>,
    /// Who waits for which inbox.
    pub(super) watchers: InboxWatchers,
    /// The threads that have not ended.
    pub(super) running: Mutex<Vec<&'static str>>,
    /// Whether the committing thread has ended, and with all that it wrote on disk.
    ended_well: AtomicBool,
}

/// Held as long as an export goes on.
#[derive(Debug, Default)]
pub(super) struct ExportToken;

#[derive(Debug)]
enum Availability {
    Open(Arc<Tables>),
    /// The store is being opened again, or cannot be.
    Away,
    Closed,
}

impl Availability {
    /// Goes over to `next`, unless the store was shut down, and returns what is not needed any
    /// more.
    ///
    /// Whoever drops the last handle to the keyspaces waits for the engine to end, so the result is
    /// dropped after the lock.
    fn replace(&mut self, next: Self) -> Self {
        if matches!(self, Self::Closed) { next } else { mem::replace(self, next) }
    }
}

/// What may be wrong; the worst of it is the state.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// A write failed, or the store cannot be opened again.
    pub(super) failure: Option<State>,
    /// The disk has too little room.
    pub(super) low_disk: Option<Arc<str>>,
    /// A write does not come back.
    pub(super) stuck: Option<State>,
    /// A part of what is stored cannot be read.
    pub(super) damage: Option<Arc<str>>,
    /// A thread has panicked whose work nobody does now.
    pub(super) ended: Option<State>,
    pub(super) closed: bool,
    /// Since when something is wrong, if that was told.
    since: Option<Instant>,
}

impl Faults {
    fn state(&self) -> State {
        if self.closed {
            return State::down(SHUT_DOWN);
        }
        if let Some(ended) = &self.ended {
            return ended.clone();
        }
        match (&self.failure, &self.stuck) {
            (_, Some(lost @ State::Lost { .. })) => lost.clone(),
            (Some(failure @ (State::Down { .. } | State::Lost { .. })), _) => failure.clone(),
            (_, Some(stuck)) => stuck.clone(),
            (Some(failure), None) => failure.clone(),
            (None, None) => match self.damage.as_ref().or(self.low_disk.as_ref()) {
                Some(reason) => State::read_only(Arc::clone(reason)),
                None => State::Well,
            },
        }
    }
}

impl Shared {
    pub(super) fn new(directory: &Path, tables: Arc<Tables>) -> Self {
        metrics::well(true);
        Self {
            slot: RwLock::new(Availability::Open(tables)),
            parts: Mutex::default(),
            state: watch::Sender::new(State::Well),
            writing: Mutex::new(None),
            probe_due: AtomicBool::new(false),
            wake_at: Mutex::new(None),
            damage: Damage::new(directory),
            erased_since: Mutex::new(None),
            exports: Arc::default(),
            erasing: watch::Sender::new(false),
            is_merging: AtomicBool::new(false),
            rewrites: watch::Sender::new(0),
            #[cfg(test)]
            planned_ahead: watch::Sender::new((0, 0)),
            watchers: InboxWatchers::default(),
            running: Mutex::default(),
            ended_well: AtomicBool::new(false),
        }
    }

    /// Returns the keyspaces for a read.
    pub(super) fn tables(&self) -> Result<Arc<Tables>> {
        match &*self.slot.read() {
            Availability::Open(tables) => Ok(Arc::clone(tables)),
            Availability::Away => {
                let state = self.parts.lock().state();
                Err(Error::new(ErrorKind::Unavailable, state.to_string()))
            }
            Availability::Closed => Err(closed()),
        }
    }

    /// Lets readers in, or keeps them out.
    ///
    /// A store that was shut down or lost a thread keeps them out for good.
    pub(super) fn put(&self, tables: Option<Arc<Tables>>) {
        // Whether a thread was lost is looked up under the lock of the slot, in which `lose` notes
        // it: a store that is put back at that moment is either seen and taken away by `lose`, or
        // not put.
        let mut slot = self.slot.write();
        // A thread may have panicked while another one opened the store again.
        let next = match tables {
            Some(tables) if self.parts.lock().ended.is_none() => Availability::Open(tables),
            Some(_) | None => Availability::Away,
        };
        let last = slot.replace(next);
        drop(slot);
        drop(last);
    }

    /// Lets nobody in from now on.
    pub(super) fn close(&self) {
        // As in `lose`: reads are refused before the state says why, and the keyspaces, whose end
        // may take long, are dropped last.
        let last = mem::replace(&mut *self.slot.write(), Availability::Closed);
        self.change(|parts| parts.closed = true);
        // Whoever hears of the end finds it in the state, too.
        self.watchers.close();
        drop(last);
    }

    /// Notes that a thread has panicked whose work nobody does now.
    ///
    /// The order matters. Reads are refused with the reason before the state gives it, so that
    /// nobody who has seen the state can still read. The keyspaces are dropped last, as the engine
    /// may take long to end.
    pub(super) fn lose(&self, reason: &str) {
        let mut slot = self.slot.write();
        // If several threads end, the first one is the cause. It is noted while readers wait for
        // the slot: another thread that changes the state at this moment gives it to watchers, too.
        self.parts.lock().ended.get_or_insert_with(|| State::lost(reason));
        let last = slot.replace(Availability::Away);
        drop(slot);
        self.change(|_| ());
        // Nobody would tell them of anything any more.
        self.watchers.close();
        drop(last);
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(*self.slot.read(), Availability::Closed)
    }

    /// Notes that the committing thread ends, and whether all that it wrote is on disk.
    pub(super) fn note_end(&self, well: bool) {
        self.ended_well.store(well, Ordering::Release);
    }

    pub(super) fn ended_well(&self) -> bool {
        self.ended_well.load(Ordering::Acquire)
    }

    /// Asks the committing thread to try a write.
    pub(super) fn ask_for_probe(&self) {
        // This is a flag and not a command, as the channel may be full. The thread looks at it in
        // every turn, and a full channel means that it turns.
        self.probe_due.store(true, Ordering::Release);
    }

    /// Returns whether a write shall be tried, which is done by that.
    pub(super) fn take_probe(&self) -> bool {
        self.probe_due.swap(false, Ordering::AcqRel)
    }

    /// Notes when the committing thread is to be woken, which is about to sleep.
    pub(super) fn wake_at(&self, at: Option<Instant>) {
        *self.wake_at.lock() = at;
    }

    /// Returns whether the committing thread is to be woken, which is done by that.
    pub(super) fn take_wake(&self, now: Instant) -> bool {
        self.wake_at.lock().take_if(|at| *at <= now).is_some()
    }

    /// Changes what is wrong, and tells who watches the state.
    pub(super) fn change(&self, change: impl FnOnce(&mut Faults)) {
        let mut parts = self.parts.lock();
        change(&mut parts);
        let state = parts.state();
        // Watchers are told under the lock of `parts`, so that two threads cannot tell them of
        // their changes in the wrong order.
        self.state.send_if_modified(|last| {
            let changed = *last != state;
            if changed {
                tell(last, &state, &mut parts.since);
                *last = state;
            }
            changed
        });
    }

    /// Returns why sends are refused, if they are.
    pub(super) fn refusal(&self) -> Option<Error> {
        let parts = self.parts.lock();
        // `stuck` and `closed` are left out on purpose. The committing thread asks this before each
        // batch: then it is not stuck, and what it still has after a shutdown was accepted, so it
        // is written.
        let refuses = parts.failure.is_some()
            || parts.low_disk.is_some()
            || parts.damage.is_some()
            || parts.ended.is_some();
        refuses.then(|| Error::new(ErrorKind::Unavailable, parts.state().to_string()))
    }

    /// Returns whether what was freed may be removed.
    ///
    /// A disk with too little room is no reason against it, as it makes room. Damage is: tables
    /// that may have to be salvaged stay as they are.
    pub(super) fn may_remove(&self) -> bool {
        let parts = self.parts.lock();
        parts.failure.is_none() && parts.damage.is_none() && parts.ended.is_none() && !parts.closed
    }

    /// Notes that texts were erased, which the files of the store still have.
    pub(super) fn erased(&self, unix_ms: u64) {
        let mut since = self.erased_since.lock();
        // The oldest is the first whose time is up.
        *since = Some(since.map_or(unix_ms, |since| since.min(unix_ms)));
    }

    /// Returns since when files of the store may have texts that were erased.
    pub(super) fn erased_since(&self) -> Option<u64> {
        *self.erased_since.lock()
    }

    /// Forgets that texts were erased, as from now on none of them is in the files; returns since
    /// when they were.
    pub(super) fn take_erased(&self) -> Option<u64> {
        self.erased_since.lock().take()
    }

    /// Notes whether the files are being replaced.
    pub(super) fn set_merging(&self, is_merging: bool) {
        self.is_merging.store(is_merging, Ordering::SeqCst);
    }

    /// Returns whether the files are being replaced.
    pub(super) fn is_merging(&self) -> bool {
        self.is_merging.load(Ordering::SeqCst)
    }

    /// Returns what an export holds as long as it goes on.
    pub(super) fn begin_export(&self) -> Arc<ExportToken> {
        Arc::clone(&self.exports)
    }

    /// Has exports end, and lets none begin, or lets them begin again.
    pub(super) fn set_erasing(&self, is_erasing: bool) {
        self.erasing.send_replace(is_erasing);
    }

    /// Returns whether exports have to end, and what tells of it.
    pub(super) fn erasing(&self) -> watch::Receiver<bool> {
        self.erasing.subscribe()
    }

    /// Returns whether an export goes on.
    pub(super) fn is_exported(&self) -> bool {
        Arc::strong_count(&self.exports) > 1
    }

    /// Returns whether a write failed and the store was not opened again yet.
    pub(super) fn has_failed(&self) -> bool {
        self.parts.lock().failure.is_some()
    }

    pub(super) fn state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }
}

/// Why a store is down that its program ended.
const SHUT_DOWN: &str = "it was shut down";

/// One line when something begins to be wrong, and one when it is over. In between the reason may
/// change with each try.
fn tell(last: &State, state: &State, since: &mut Option<Instant>) {
    metrics::well(state.is_well());
    match state {
        State::Well => {
            let lasted = since.take().map_or(Duration::ZERO, |since| since.elapsed());
            tracing::info!(?lasted, "{state} again");
        }
        State::Down { reason } if &**reason == SHUT_DOWN => tracing::debug!("{state}"),
        State::ReadOnly { .. } | State::Down { .. } if !last.is_well() => tracing::debug!("{state}"),
        State::ReadOnly { .. } | State::Down { .. } | State::Lost { .. } => {
            since.get_or_insert_with(Instant::now);
            tracing::error!("{state}");
        }
    }
}

/// The error of calls to a store that was shut down.
pub(super) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the timeline store was shut down; try again when its server runs again")
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::super::directory::Directory;
    use super::super::opening;
    use super::*;

    #[test]
    fn store_that_lost_a_thread_is_not_read_again_when_another_thread_has_reopened_it() {
        let parent = tempfile::tempdir().unwrap();
        let directory = Arc::new(Directory::lock(parent.path()).unwrap());
        let opened = opening::open(&Config::new(parent.path()), &directory).unwrap();
        let tables = Arc::new(opened.tables);
        let shared = Shared::new(parent.path(), Arc::clone(&tables));
        shared.lose("its thread keeper panicked");
        shared.put(Some(tables));
        let error = shared.tables().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("keeper"), "{error}");
    }
}
