//! Telling of cursors that rose unknown at first, and of those of senders.
//!
//! ```text
//!  an error of a command or of the look after it ──► untold ──► a task: raises them once more,
//!                                                      ▲        looks how far they are, tells
//!                                                      └─ an error ──┘  one that is refused: given up
//! ```
//!
//! A command that failed may have been done. Whoever repeats the call finds the cursor where it is
//! to be then, and tells nobody: so this node goes on until it is known, and tells.

use std::sync::Arc;
use std::time::Duration;

use mongo_link::Backoff;
use tokio::time::{Instant, sleep};

use super::super::call_end;
use super::super::entry_id::EntryId;
use super::super::kept::kept;
use super::super::shared::Shared;
use super::raising::{Raised, raise, tell};
use crate::ReadCursor;

/// How long the waits between two attempts are: the first, and any.
const WAIT_FIRST: Duration = Duration::from_millis(100);
const WAIT_MAX: Duration = Duration::from_secs(5);

/// Has cursors told as soon as it is known that they rose.
///
/// Those of senders have risen: here they are told together, and in order with those that are read.
pub(in crate::distributed) fn tell_later(shared: &Arc<Shared>, cursors: Vec<(EntryId, ReadCursor)>) {
    if shared.cursors.untold.note(cursors) {
        shared.tasks.spawn(kept(Arc::clone(shared), "tells of cursors that may have risen", attend));
    }
}

/// Sees to the cursors until there are none, or the store ends.
async fn attend(shared: Arc<Shared>) {
    let (untold, mut backoff) = (&shared.cursors.untold, Backoff::new(WAIT_FIRST, WAIT_MAX));
    loop {
        tokio::select! {
            () = sleep(backoff.failed()) => {}
            () = shared.stop.cancelled() => return,
        }
        // The order matters: nobody raises or tells of cursors meanwhile.
        let Some(turn) = shared.stop.run_until_cancelled(shared.cursors.turn()).await else { return };
        let Some(cursors) = untold.next() else { return };
        let end = Instant::now() + call_end::of_steps(shared.config.timeout);
        let raised = call_end::until(end, raise(&shared, &cursors));
        match shared.stop.run_until_cancelled(raised).await {
            None => return,
            Some(Ok(Raised { rows, refused })) => {
                for (row, error) in &refused {
                    if untold.give_up(row) {
                        tracing::warn!("a cursor does not rise, and nobody is told of it: {error:#}");
                    }
                }
                let stored = |row: &EntryId| rows.get(row).map(|row| row.read);
                untold.settle(&cursors, stored, |cursor| tell(&shared, cursor));
                backoff.reset();
            }
            Some(Err(error)) => {
                tracing::debug!("{} cursors may have risen, and are told later: {error:#}", cursors.len());
            }
        }
        drop(turn);
    }
}
