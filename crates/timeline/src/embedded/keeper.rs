//! The thread that looks after an open store: room on the disk, the marker, a write that does not come back.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::WeakSender;

use super::committer::Command;
use super::disk::{self, LowWater};
use super::metrics;
use super::shared::Shared;

/// What the thread looks after.
pub(super) struct Keeper {
    shared: Arc<Shared>,
    directory: PathBuf,
    low_water: LowWater,
    commands: WeakSender<Command>,
    flush_failed: bool,
}

/// How often it looks.
const TICK: Duration = Duration::from_millis(250);

/// How often, in ticks, it asks for the room on the disk.
const ROOM_TICKS: u32 = 4;

/// How often, in ticks, it flushes the marker.
const FLUSH_TICKS: u32 = 20;

/// How long a write may take.
const STUCK: Duration = Duration::from_secs(30);

impl Keeper {
    /// Creates a keeper, and looks for room at once.
    pub(super) fn new(
        shared: Arc<Shared>,
        directory: PathBuf,
        disk_free_min_bytes: u64,
        commands: WeakSender<Command>,
    ) -> Self {
        let low_water = LowWater::new(disk_free_min_bytes);
        let mut keeper = Self { shared, directory, low_water, commands, flush_failed: false };
        keeper.look_for_room();
        keeper
    }

    /// Works until the other end of `stop` is dropped.
    pub(super) fn run(mut self, stop: &Receiver<()>) {
        let mut tick = 0_u32;
        while stop.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
            tick = tick.wrapping_add(1);
            self.look_at_writing();
            if tick.is_multiple_of(ROOM_TICKS) {
                self.look_for_room();
            }
            if tick.is_multiple_of(FLUSH_TICKS) {
                self.flush();
            }
            // A full queue wakes the committer as well.
            if self.shared.has_failed()
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
                tracing::debug!(%error, "the room on the disk is not known");
                return;
            }
        };
        metrics::disk(room);
        let reason = self.low_water.judge(room).map(|least| {
            let (free, least) = (room.free / MIB, least / MIB);
            let path = self.directory.display();
            Arc::from(format!(
                "the disk of {path} has {free} MiB left, fewer than the {least} MiB that must stay free; make room on it"
            ))
        });
        // The number in the reason changes all the time; who watches is told once.
        self.shared.change(|parts| {
            if parts.low_disk.is_some() != reason.is_some() {
                parts.low_disk = reason;
            }
        });
    }

    fn flush(&mut self) {
        let flusher = self.shared.flusher.lock().clone();
        if let Some(Err(error)) = flusher.map(|flusher| flusher.flush()) {
            if !self.flush_failed {
                tracing::error!(%error, "the marker of the store cannot be flushed");
            }
            self.flush_failed = true;
        } else {
            self.flush_failed = false;
        }
        if let Ok(tables) = self.shared.tables() {
            match tables.database.disk_space() {
                Ok(bytes) => metrics::store_bytes(bytes),
                Err(error) => tracing::debug!(%error, "the size of the store is not known"),
            }
        }
    }

    fn look_at_writing(&self) {
        let stuck = self.shared.writing.lock().is_some_and(|since: Instant| since.elapsed() > STUCK);
        self.shared.change(|parts| {
            if parts.stuck.is_some() != stuck {
                let reason = "a write has not come back for 30 s; look at the disk, and restart the process";
                parts.stuck = stuck.then(|| Arc::from(reason));
            }
        });
    }
}

const MIB: u64 = 1024 * 1024;
