//! The thread that plans the next batch while one is being written.
//!
//! ```text
//!  timeline-commit   plan 1 │ write 1 ······················ │ plan the rest of 2 │ write 2 ········
//!  timeline-plan            │ wait, plan sends of 2, wait, … │                    │ plan sends of 3
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError};
use std::thread;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::desk::PlanningDesk;

/// Lets the thread `timeline-plan` have the desk while a batch is being written.
///
/// Dropped, it ends the thread.
#[derive(Debug)]
pub(in crate::embedded) struct PlanningAhead {
    begun: SyncSender<()>,
}

/// How long the thread lets calls gather before it plans those that have come.
///
/// To wake it for each of them would take longer than to plan it. Nobody waits for this: until the
/// batch is written, no call gets its answer sooner.
const GATHER: Duration = Duration::from_micros(50);

/// The longest time between two looks where no calls come.
const GATHER_MOST: Duration = Duration::from_millis(10);

/// After how many looks in vain at a desk that is not lent the thread sleeps.
const IDLE_LOOKS: u32 = 8;

/// What a look at the desk has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// The committing thread has it.
    NotLent,
    /// Nothing has come.
    Nothing,
    Calls,
}

impl PlanningAhead {
    pub(in crate::embedded) fn new(begun: SyncSender<()>) -> Self {
        Self { begun }
    }

    /// Lends the desk while `write` runs. A thread that is planning then is waited for.
    pub(super) fn during<T>(&self, desk: &mut MutexGuard<'_, PlanningDesk>, write: impl FnOnce() -> T) -> T {
        match self.begun.try_send(()) {
            // If it is still awake it finds the desk by itself.
            Ok(()) | Err(TrySendError::Full(())) => MutexGuard::unlocked(desk, write),
            // Its end was told; without it everything is planned afterwards.
            Err(TrySendError::Disconnected(())) => write(),
        }
    }
}

/// Plans ahead until nobody lends the desk any more.
pub(in crate::embedded) fn run(desk: &Mutex<PlanningDesk>, begun: &Receiver<()>) {
    while begun.recv().is_ok() {
        let (mut wait, mut idle) = (GATHER, 0);
        while idle < IDLE_LOOKS {
            thread::sleep(wait);
            let found = look(desk);
            wait = if found == Look::Calls { GATHER } else { (wait * 2).min(GATHER_MOST) };
            idle = if found == Look::NotLent { idle + 1 } else { 0 };
        }
    }
}

/// Plans what waits, if the desk is lent.
fn look(desk: &Mutex<PlanningDesk>) -> Look {
    // The committing thread keeps the lock while it does not lend the desk, and is not to wait for
    // this one to take it.
    let Some(mut desk) = desk.try_lock().filter(|desk| desk.in_flight.is_some()) else {
        return Look::NotLent;
    };
    let before = desk.waiting();
    // The engine may panic about a damaged file.
    if catch_unwind(AssertUnwindSafe(|| desk.plan_ahead())).is_err() {
        desk.note_panic();
    }
    if desk.waiting() > before { Look::Calls } else { Look::Nothing }
}
