//! Keeps users in the rooms of the channels that their connections are bound to.
//!
//! The user of a connection is a member of the room of each such channel.
//!
//! ```text
//! bound, unbound, gone ──► what is wanted, and which rooms to look at ──► join, leave: one after another for a connection
//!   (must not wait)          ▲                                             │
//!                            └──────────── again, if the store failed ◄────┘
//! ```
//!
//! Hooks must not wait and a store may. So they only note what is wanted, and tasks bring the rooms
//! there, as often as it takes. What is noted is bounded by what connections may be bound to.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use parking_lot::Mutex;
use presence_core::rooms::{Payload, Room, Rooms};
use presence_core::{Device, ErrorKind, Id};
use tokio::sync::{Notify, Semaphore};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::visits::{RoomCall, Visits};
use crate::channel;

/// Connections whose rooms are brought to what is wanted at once: enough for a store to take many
/// together.
const RUNNING_MAX: usize = 256;
/// How long to wait at most before the store is asked again after it failed.
const AGAIN: Duration = Duration::from_secs(2);

/// Keeps the rooms true to the connections of this process.
#[derive(Debug)]
pub(super) struct RoomKeeper {
    rooms: Rooms,
    visits: Mutex<Visits>,
    news: Notify,
}

impl RoomKeeper {
    pub(super) fn new(rooms: Rooms) -> Self {
        Self { rooms, visits: Mutex::default(), news: Notify::new() }
    }

    /// Notes that a connection was bound. Channels without a room are left out.
    pub(super) fn bound(&self, device: &Device, user: &Id, name: &str) {
        let Some(room) = room(name) else { return };
        if self.visits.lock().bind(device, user, room) {
            self.news.notify_one();
        }
    }

    /// Notes that a connection was unbound.
    pub(super) fn unbound(&self, device: &Device, name: &str) {
        let Some(room) = room(name) else { return };
        self.visits.lock().unbind(device, room);
        self.news.notify_one();
    }

    /// Notes that a connection has ended.
    pub(super) fn gone(&self, device: &Device) {
        self.visits.lock().unbind_all(device);
        self.news.notify_one();
    }

    /// Sets what the user of a connection shows in a room. `false` if the connection is not bound
    /// there.
    pub(super) fn show(&self, device: &Device, name: &str, payload: Payload) -> bool {
        let Some(room) = room(name) else { return false };
        // Here and above, the lock is held for the note alone. No store is asked under it.
        let shown = self.visits.lock().show(device, room, payload);
        self.news.notify_one();
        shown
    }

    /// Brings the rooms to what is wanted, until `stop`.
    pub(super) async fn work(self: Arc<Self>, tasks: TaskTracker, stop: CancellationToken) {
        let permits = Arc::new(Semaphore::new(RUNNING_MAX));
        while let Some(device) = stop.run_until_cancelled(self.next()).await {
            let Some(Ok(permit)) = stop.run_until_cancelled(Arc::clone(&permits).acquire_owned()).await
            else {
                return;
            };
            let (keeper, stop) = (Arc::clone(&self), stop.clone());
            // Only one task looks at a connection at a time, so its calls reach the store in the
            // order in which they were wanted.
            tasks.spawn(async move {
                // A panic in here must not leave the connection marked as taken, as its rooms would
                // stay wrong for good.
                let settled =
                    AssertUnwindSafe(stop.run_until_cancelled(keeper.settle(&device))).catch_unwind();
                // `None` is the stop and `true` is done. All else, a panic too, is tried again.
                if !matches!(settled.await, Ok(None | Some(true))) {
                    drop(permit);
                    // The place is given back for the wait, so that an outage of one part of the
                    // store does not use up the places of the others. The time is random, as an
                    // outage ends for all connections at once.
                    stop.run_until_cancelled(sleep(AGAIN.mul_f64(fastrand::f64()))).await;
                    keeper.visits.lock().look_again(device);
                    keeper.news.notify_one();
                }
            });
        }
    }

    /// The next connection to look at.
    async fn next(&self) -> Device {
        loop {
            if let Some(device) = self.visits.lock().next() {
                return device;
            }
            // A note that comes between the look and this is not lost: `notify_one` keeps it for
            // the next who waits. Only the one task of `work` does.
            self.news.notified().await;
        }
    }

    /// Brings one connection to where it is to be. `false` if the store failed, and it is to be
    /// tried again.
    async fn settle(&self, device: &Device) -> bool {
        loop {
            let Some((seat, step)) = self.visits.lock().step(device) else { return true };
            let is_leave = matches!(step, RoomCall::Leave);
            let told = match step {
                RoomCall::Join(payload) => self.rooms.join(&seat.room, &seat.id, device, payload).await,
                RoomCall::Leave => self.rooms.leave(&seat.room, &seat.id, device).await,
            };
            // Hooks may have noted something else while the store was asked. That has unsettled the
            // room again, so the loop comes back to it.
            let is_away = told.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unavailable);
            if is_leave && !is_away {
                self.visits.lock().left(device, &seat.room);
            }
            match told {
                Ok(()) => {}
                Err(error) if is_away => {
                    tracing::debug!(
                        room = %seat.room,
                        user = %seat.id,
                        error = %format_args!("{error:#}"),
                        "a room could not be told who is in it; trying again"
                    );
                    self.visits.lock().unsettle(device, seat.room);
                    return false;
                }
                Err(error) => {
                    tracing::warn!(
                        room = %seat.room,
                        user = %seat.id,
                        error = %format_args!("{error:#}"),
                        "the list of who is in a room may be wrong for this user"
                    );
                }
            }
        }
    }
}

/// Returns the room of a channel. Channels of the program have none, nor have those whose name is
/// not that of a room.
fn room(name: &str) -> Option<Room> {
    if channel::may_write(name) { Room::new(name).ok() } else { None }
}

#[cfg(test)]
mod tests;
