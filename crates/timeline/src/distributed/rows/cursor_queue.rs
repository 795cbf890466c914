//! The cursors that wait to be raised.

use parking_lot::Mutex;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard, oneshot};

use super::super::box_id::BoxId;
use super::super::entry_id::EntryId;
use super::untold::UntoldCursors;
use crate::{Conversation, MemberId, Result, Seq};

/// The cursors that wait to be raised: one for each caller that waits.
pub(in crate::distributed) struct CursorQueue {
    waiting: Mutex<Vec<Raise>>,
    /// Held by who raises them.
    turn: AsyncMutex<()>,
    /// Those that may have risen, and were not told.
    pub(super) untold: UntoldCursors,
}

/// A cursor that is to rise.
pub(super) struct Raise {
    pub(super) member: MemberId,
    pub(super) conversation: Conversation,
    pub(super) history: BoxId,
    pub(super) row: EntryId,
    pub(super) to: Seq,
    pub(super) answer: oneshot::Sender<Result<(Seq, bool)>>,
}

impl CursorQueue {
    pub(in crate::distributed) fn new() -> Self {
        Self { waiting: Mutex::new(Vec::new()), turn: AsyncMutex::new(()), untold: UntoldCursors::default() }
    }

    /// Adds a cursor to those that wait.
    pub(super) fn add(&self, raise: Raise) {
        self.waiting.lock().push(raise);
    }

    /// Waits until nobody else raises cursors, for as long as what this returns is held.
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Takes all that wait.
    pub(super) fn take(&self) -> Vec<Raise> {
        std::mem::take(&mut *self.waiting.lock())
    }
}
