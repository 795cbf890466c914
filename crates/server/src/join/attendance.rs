//! Who is in which room: the user of a connection is a member of the room of each channel that the
//! connection is bound to.
//!
//! ```text
//! bound, unbound, gone ──► what is wanted, and which rooms to look at ──► join, leave: one after another for a connection
//!   (must not wait)          ▲                                             │
//!                            └──────────── again, if the store failed ◄────┘
//! ```
//!
//! Hooks must not wait and a store may. So they only note what is wanted, and tasks bring the rooms
//! there, as often as it takes. What is noted is bounded by what connections may be bound to.

use std::collections::{HashMap, HashSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use parking_lot::Mutex;
use tidings::presence::rooms::{MemberKey, Payload, Room, Rooms};
use tidings::presence::{Device, ErrorKind, Id};
use tokio::sync::{Notify, Semaphore};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::channel;
use crate::random;

/// Connections whose rooms are brought to what is wanted at once: enough for a store to take many
/// together.
const RUNNING_MAX: usize = 256;
/// How long to wait at most before the store is asked again after it failed.
const AGAIN: Duration = Duration::from_secs(2);

/// Keeps the rooms true to the connections of this server.
#[derive(Debug)]
pub(super) struct Attendance {
    rooms: Rooms,
    state: Mutex<Locked>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Locked {
    visits: HashMap<Device, Visit>,
    /// Visits that somebody has to look at, each once.
    waiting: VecDeque<Device>,
    /// What users show, while a connection of theirs here is bound there.
    shown: HashMap<MemberKey, Shown>,
}

/// One connection.
#[derive(Debug)]
struct Visit {
    user: Id,
    /// Where it is to be.
    bound: HashSet<Room>,
    /// Where the store has it, or may have it.
    seated: HashSet<Room>,
    /// Where the two may differ.
    unsettled: HashSet<Room>,
    /// Whether it is waiting, or being looked at.
    taken: bool,
}

#[derive(Debug, Default)]
struct Shown {
    payload: Payload,
    connections: usize,
}

/// What to tell the store next.
enum RoomCall {
    Join(Payload),
    Leave,
}

impl Attendance {
    pub(super) fn new(rooms: Rooms) -> Self {
        Self { rooms, state: Mutex::default(), news: Notify::new() }
    }

    /// Notes that a connection was bound. Channels that are no rooms are left out.
    pub(super) fn bound(&self, device: &Device, user: &Id, name: &str) {
        let Some(room) = room(name) else { return };
        let mut state = self.state.lock();
        let visit = state.visits.entry(device.clone()).or_insert_with(|| Visit::new(user.clone()));
        if visit.bound.insert(room.clone()) {
            state.shown.entry(MemberKey::new(room.clone(), user.clone())).or_default().connections += 1;
            state.look_at(device, room);
            self.news.notify_one();
        }
    }

    /// Notes that a connection was unbound.
    pub(super) fn unbound(&self, device: &Device, name: &str) {
        let Some(room) = room(name) else { return };
        self.state.lock().leave(device, room);
        self.news.notify_one();
    }

    /// Notes that a connection has ended.
    pub(super) fn gone(&self, device: &Device) {
        let mut state = self.state.lock();
        let bound = state.visits.get(device).map(|visit| visit.bound.iter().cloned().collect::<Vec<_>>());
        for room in bound.unwrap_or_default() {
            state.leave(device, room);
        }
        self.news.notify_one();
    }

    /// Sets what the user of a connection shows in a room. `false` if the connection is not bound
    /// there.
    pub(super) fn show(&self, device: &Device, name: &str, payload: Payload) -> bool {
        let mut state = self.state.lock();
        let seat = room(name).zip(state.visits.get(device)).and_then(|(room, visit)| {
            visit.bound.contains(&room).then(|| MemberKey::new(room, visit.user.clone()))
        });
        let Some(seat) = seat else { return false };
        let room = seat.room.clone();
        state.shown.entry(seat).or_default().payload = payload;
        state.look_at(device, room);
        self.news.notify_one();
        true
    }

    /// Brings the rooms to what is wanted, until `stop`.
    pub(super) async fn work(self: Arc<Self>, tasks: TaskTracker, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(RUNNING_MAX));
        while let Some(device) = stop.run_until_cancelled(self.next()).await {
            let Some(Ok(place)) = stop.run_until_cancelled(Arc::clone(&places).acquire_owned()).await else {
                return;
            };
            let (attendance, stop) = (Arc::clone(&self), stop.clone());
            tasks.spawn(async move {
                // A fault must not leave a connection taken, and its rooms wrong, for good.
                let settled =
                    AssertUnwindSafe(stop.run_until_cancelled(attendance.settle(&device))).catch_unwind();
                if !matches!(settled.await, Ok(None | Some(true))) {
                    drop(place);
                    stop.run_until_cancelled(sleep(random::below(AGAIN))).await;
                    attendance.state.lock().waiting.push_back(device);
                    attendance.news.notify_one();
                }
            });
        }
    }

    /// The next connection to look at.
    async fn next(&self) -> Device {
        loop {
            if let Some(device) = self.state.lock().waiting.pop_front() {
                return device;
            }
            self.news.notified().await;
        }
    }

    /// Brings one connection to where it is to be. `false` if the store failed, and it is to be
    /// tried again.
    async fn settle(&self, device: &Device) -> bool {
        loop {
            let Some((seat, step)) = self.state.lock().step(device) else { return true };
            let told = match step {
                RoomCall::Join(payload) => self.rooms.join(&seat.room, &seat.id, device, payload).await,
                RoomCall::Leave => {
                    let left = self.rooms.leave(&seat.room, &seat.id, device).await;
                    if left.is_ok() {
                        self.state.lock().left(device, &seat.room);
                    }
                    left
                }
            };
            match told {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Unavailable => {
                    tracing::debug!(
                        room = %seat.room,
                        user = %seat.id,
                        %error,
                        "a room could not be told who is in it; trying again"
                    );
                    self.state.lock().unsettle(device, seat.room);
                    return false;
                }
                Err(error) => {
                    tracing::warn!(
                        room = %seat.room,
                        user = %seat.id,
                        %error,
                        "the list of who is in a room may be wrong for this user"
                    );
                }
            }
        }
    }
}

impl Locked {
    /// Has somebody look at a room of a visit.
    fn look_at(&mut self, device: &Device, room: Room) {
        let Some(visit) = self.visits.get_mut(device) else { return };
        visit.unsettled.insert(room);
        if !std::mem::replace(&mut visit.taken, true) {
            self.waiting.push_back(device.clone());
        }
    }

    fn leave(&mut self, device: &Device, room: Room) {
        let Some(visit) = self.visits.get_mut(device) else { return };
        if !visit.bound.remove(&room) {
            return;
        }
        let seat = MemberKey::new(room.clone(), visit.user.clone());
        if let Some(shown) = self.shown.get_mut(&seat) {
            shown.connections -= 1;
            if shown.connections == 0 {
                self.shown.remove(&seat);
            }
        }
        self.look_at(device, room);
    }

    /// What to do next for a visit; `None` when it is where it is to be, which leaves it to the
    /// next who looks.
    fn step(&mut self, device: &Device) -> Option<(MemberKey, RoomCall)> {
        let visit = self.visits.get_mut(device)?;
        while let Some(room) = visit.unsettled.iter().next().cloned() {
            visit.unsettled.remove(&room);
            let seat = MemberKey::new(room.clone(), visit.user.clone());
            if visit.bound.contains(&room) {
                visit.seated.insert(room);
                let shown = self.shown.get(&seat).map(|shown| shown.payload.clone());
                return Some((seat, RoomCall::Join(shown.unwrap_or_default())));
            }
            if visit.seated.contains(&room) {
                return Some((seat, RoomCall::Leave));
            }
        }
        visit.taken = false;
        if visit.bound.is_empty() && visit.seated.is_empty() {
            self.visits.remove(device);
        }
        None
    }

    fn left(&mut self, device: &Device, room: &Room) {
        if let Some(visit) = self.visits.get_mut(device) {
            visit.seated.remove(room);
        }
    }

    /// A visit that is being looked at has another thing to do.
    fn unsettle(&mut self, device: &Device, room: Room) {
        if let Some(visit) = self.visits.get_mut(device) {
            visit.unsettled.insert(room);
        }
    }
}

impl Visit {
    fn new(user: Id) -> Self {
        Self { user, bound: HashSet::new(), seated: HashSet::new(), unsettled: HashSet::new(), taken: false }
    }
}

/// The room of a channel. Those of the server are none, nor are names that no room may have.
fn room(name: &str) -> Option<Room> {
    if channel::may_write(name) { Room::new(name).ok() } else { None }
}

#[cfg(test)]
mod tests;
