//! The thread that looks after an open store.
//!
//! It watches the room on the disk and a write that does not come back, and asks for one to be
//! tried.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::WeakSender;

use super::committer::Command;
use super::disk::{self, LowWater};
use super::metrics;
use super::shared::Shared;
use crate::State;

// A write that does not come back, as the state tells it:
//
//            10 s             45 s
//  nothing ────────► Down ────────► Lost      when it comes back: nothing, from either
//
// The thread only looks. It holds no lock while it waits, and ends nothing.
/// What the thread looks after.
pub(super) struct Watchdog {
    shared: Arc<Shared>,
    directory: PathBuf,
    low_water: LowWater,
    commands: WeakSender<Command>,
}

/// How often it looks.
const TICK: Duration = Duration::from_millis(250);

/// How often, in ticks, it asks for the room on the disk.
const ROOM_TICKS: u32 = 4;

/// How often, in ticks, it has a write tried, by which the marker is flushed.
const PROBE_TICKS: u32 = 20;

/// How long a write may take. The tests have less time.
const STUCK: Duration = if cfg!(test) { Duration::from_millis(500) } else { Duration::from_secs(10) };

/// How long a write may take before only a restart helps: the system itself gives a disk up after
/// 30 s, and then the write fails and the store is opened again. What takes longer hangs in the
/// engine or in a file system that has no end.
const LOST: Duration = if cfg!(test) { Duration::from_millis(1_500) } else { Duration::from_secs(45) };

impl Watchdog {
    /// Creates the watchdog, and looks for room at once.
    pub(super) fn new(
        shared: Arc<Shared>,
        directory: PathBuf,
        disk_free_min_bytes: u64,
        commands: WeakSender<Command>,
    ) -> Self {
        let low_water = LowWater::new(disk_free_min_bytes);
        let mut keeper = Self { shared, directory, low_water, commands };
        keeper.look_for_room();
        keeper
    }

    /// Works until the other end of `stop` is dropped.
    pub(super) fn run(mut self, stop: &Receiver<()>) {
        let mut tick = 0_u32;
        // Nothing is ever sent. When the committing thread ends it drops the sender, this wakes up
        // with `Disconnected`, and the thread ends as well.
        while stop.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
            #[cfg(test)]
            super::thread_guard::panic_if_told(&self.directory, "panic-keep");
            tick = tick.wrapping_add(1);
            self.look_at_writing();
            if tick.is_multiple_of(ROOM_TICKS) {
                self.look_for_room();
            }
            let probe = tick.is_multiple_of(PROBE_TICKS);
            if probe {
                self.measure();
                self.shared.ask_for_probe();
            }
            // A full queue wakes the committer as well as a command would.
            // The committing thread sleeps while nobody sends. It is woken for a probe, when it
            // asked for it, and after a failure in every tick, as nobody else would have the store
            // opened again.
            let asked = self.shared.take_wake(Instant::now());
            if (probe || asked || self.shared.has_failed())
                && let Some(commands) = self.commands.upgrade()
                && commands.try_send(Command::Wake).is_err()
            {
                tracing::trace!("the committing thread has other work");
            }
        }
    }

    fn look_for_room(&mut self) {
        let room = match disk::room(&self.directory) {
            Ok(room) => room,
            Err(error) => {
                tracing::debug!(%error, "the free space of the disk cannot be read");
                return;
            }
        };
        metrics::disk(room);
        let least = self.low_water.judge(room);
        let reason = least.map(|least| Arc::from(disk::shortage(&self.directory, room, least)));
        // The number in the reason changes all the time. Watchers of the state are told once, when
        // the disk becomes full or has room again.
        self.shared.change(|parts| {
            if parts.low_disk.is_some() != reason.is_some() {
                parts.low_disk = reason;
            }
        });
    }

    fn measure(&self) {
        if let Ok(tables) = self.shared.tables() {
            match tables.database.disk_space() {
                Ok(bytes) => metrics::store_bytes(bytes),
                Err(error) => tracing::debug!(%error, "the size of the store cannot be read"),
            }
        }
    }

    fn look_at_writing(&self) {
        // The lock is let go at once: the committing thread takes it around every write.
        let since = self.shared.writing.lock().map(|since: Instant| since.elapsed());
        let stuck = since.filter(|since| *since > STUCK);
        let lost = stuck.is_some_and(|since| since > LOST);
        let path = self.directory.display();
        self.shared.change(|parts| match &parts.stuck {
            _ if stuck.is_none() => parts.stuck = None,
            Some(State::Lost { .. }) => {}
            _ if lost => {
                let reason =
                    format!("a write to {path} has not come back for {} s; check the disk", LOST.as_secs());
                parts.stuck = Some(State::lost(reason));
            }
            Some(_) => {}
            None => {
                let reason = format!(
                    "a write to {path} has not come back for {} s; check the disk (after {} s the process \
                     must be restarted)",
                    STUCK.as_secs(),
                    LOST.as_secs()
                );
                parts.stuck = Some(State::down(reason));
            }
        });
    }
}
