//! What happens when a read finds that a part of the store is damaged.
//!
//! It finds out whose file it is, and sets what the state says.
//!
//! ```text
//! a read fails ─► sends are refused, all tables are read once ─┬─► one is damaged: the state and every such error name it
//!                                                              └─► none is: no table was it, sends are taken again
//! ```
//!
//! Sends are refused because the engine will meet the damage when it merges tables, and because who
//! restores a backup loses what was sent after it.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use super::check::{damaged, damaged_table};
use super::damage::DamageState;
use super::shared::Shared;
use crate::{Error, ErrorKind};

/// How long the read that found it waits for the name of the file: a small store is read by then.
const WAIT: Duration = Duration::from_secs(2);

/// How soon all tables are read once more.
const AGAIN: Duration = Duration::from_secs(600);

/// Takes an error of a read: one about damage is told in the state, and names the file as soon as
/// that is known. Blocks.
pub(super) fn judge(shared: &Arc<Shared>, error: Error) -> Error {
    if error.kind() != ErrorKind::Corrupt {
        return error;
    }
    // The lock is held for the decision only. Whoever decides to look sets `Sought` under it, so
    // that one thread reads the tables, however many reads fail at once.
    {
        let mut known = shared.damage.known.lock();
        match &*known {
            DamageState::Found(found) => return found.clone(),
            DamageState::Sought => return error,
            // All tables were intact a moment ago, so another file cannot be read. To read them all
            // again would only keep the disk busy.
            DamageState::Whole(at) if at.elapsed() < AGAIN => return error,
            DamageState::Nothing | DamageState::Whole(_) => *known = DamageState::Sought,
        }
    }
    let path = shared.damage.directory.display();
    let reason = format!(
        "a part of the data directory {path} cannot be read ({error}); the damaged file is being searched for"
    );
    shared.change(|parts| parts.damage = Some(reason.into()));
    let (done, found) = sync_channel(1);
    let seeker = Arc::clone(shared);
    let seek = move || {
        // The send fails if the caller has stopped waiting for the answer, which is fine.
        drop(done.try_send(seek(&seeker)));
    };
    match thread::Builder::new().name("timeline-verify".to_owned()).spawn(seek) {
        Ok(_detached) => found.recv_timeout(WAIT).ok().flatten().unwrap_or(error),
        Err(failed) => {
            tracing::error!(
                %failed,
                "the damaged file cannot be searched for; stop the server and run `tidings check --deep`"
            );
            *shared.damage.known.lock() = DamageState::Nothing;
            error
        }
    }
}

fn seek(shared: &Shared) -> Option<Error> {
    let directory = &shared.damage.directory;
    let found = damaged_table(directory).map(|problem| damaged(directory, &problem));
    // The order matters: the file is named before the state changes, so that a read that fails
    // after the state did names it, too.
    *shared.damage.known.lock() = match &found {
        Some(found) => DamageState::Found(found.clone()),
        None => DamageState::Whole(Instant::now()),
    };
    if found.is_none() {
        tracing::error!(
            "a read failed as if a file were damaged, but all tables are intact; test the memory of this \
             machine"
        );
    }
    shared.change(|parts| parts.damage = found.as_ref().map(|found| found.to_string().into()));
    found
}
