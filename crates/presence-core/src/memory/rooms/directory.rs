//! The ledger of rooms: who joins and leaves is an event of their room at once.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::quality::RandomState;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

use super::hall::Hall;
use super::place::{Limits, Place};
use crate::beings::{Ledger, PLACES, Transition};
use crate::event::Status;
use crate::memory::config::Config;
use crate::memory::journal;
use crate::name::{Id, Room};
use crate::page::Cursor;
use crate::rooms::{Action, MemberPage, Payload, Seat};

/// All rooms.
///
/// A room is in the place with its number here and among the [`Beings`](crate::beings::Beings) of
/// its members. Locks are taken in the order place there, place here, `changed`.
#[derive(Debug)]
pub(in crate::memory) struct Directory {
    places: Box<[Mutex<Place>]>,
    /// Of the rooms whose log has grown: those who tell their streams, which are yet to do so.
    changed: Mutex<Vec<watch::Sender<()>>>,
    /// What names the life of the next room.
    epochs: AtomicU64,
    keys: RandomState,
}

impl Directory {
    pub(in crate::memory) fn new(config: &Config) -> Self {
        let keys = RandomState::default();
        let limits = Limits { of_room: config.room_events_max, of_place: config.events_max.div_ceil(PLACES) };
        let place = || Mutex::new(Place::new(limits, keys.clone()));
        Self {
            places: std::iter::repeat_with(place).take(PLACES).collect(),
            changed: Mutex::default(),
            epochs: AtomicU64::new(journal::epoch()),
            keys,
        }
    }

    /// Writes a transition down, with what shows who joins.
    pub(super) fn record_with(&self, transition: &Transition<'_, Seat>, payload: &Payload) {
        let (Seat { room, id }, cause) = (transition.name, transition.cause);
        let mut place = self.place(room);
        if cause.status() == Status::Online {
            let action = place.open(room, || self.next_epoch()).join(id.clone(), payload.clone());
            self.append(&mut place, room, id, action);
        } else if let Some(hall) = place.get_mut(room) {
            hall.leave(id);
            self.append(&mut place, room, id, Action::Left(cause));
            place.close(room);
        }
    }

    /// Changes what a member shows, and says whether it is one.
    pub(super) fn update(&self, room: &Room, id: &Id, payload: &Payload) -> bool {
        let mut place = self.place(room);
        let Some(action) = place.get_mut(room).and_then(|hall| hall.update(id, payload)) else {
            return false;
        };
        if let Some(action) = action {
            self.append(&mut place, room, id, action);
            drop(place);
            self.announce();
        }
        true
    }

    pub(super) fn page(&self, room: &Room, cursor: Cursor, limit: usize) -> MemberPage {
        let place = self.place(room);
        place.get(room).map_or_else(|| MemberPage::new(Vec::new(), None), |hall| hall.page(cursor, limit))
    }

    pub(super) fn count(&self, room: &Room) -> u64 {
        self.place(room).get(room).map_or(0, Hall::count)
    }

    /// Keeps a room until as many calls of `unwatch`.
    pub(super) fn watch(&self, room: &Room) -> watch::Receiver<()> {
        self.place(room).open(room, || self.next_epoch()).watch()
    }

    pub(super) fn unwatch(&self, room: &Room) {
        let mut place = self.place(room);
        if let Some(hall) = place.get_mut(room) {
            hall.unwatch();
            place.close(room);
        }
    }

    /// Looks at a room that is watched, while nobody writes to it.
    pub(super) fn look<T>(&self, room: &Room, look: impl FnOnce(&Hall) -> T) -> T {
        look(self.place(room).get(room).expect("a room is kept while it is watched"))
    }

    fn append(&self, place: &mut Place, room: &Room, id: &Id, action: Action) {
        place.append(room, id, action);
        self.changed.lock().extend(place.get(room).and_then(Hall::news));
    }

    fn place(&self, room: &Room) -> MutexGuard<'_, Place> {
        self.places[self.place_of(room)].lock()
    }

    fn place_of(&self, room: &Room) -> usize {
        (self.keys.hash_one(room.as_bytes()) >> 32) as usize % PLACES
    }

    fn next_epoch(&self) -> u64 {
        self.epochs.fetch_add(1, Ordering::Relaxed)
    }
}

impl Ledger for Directory {
    type Name = Seat;

    fn place(&self, name: &Seat, _hash: u64) -> usize {
        self.place_of(&name.room)
    }

    fn record(&self, transition: Transition<'_, Seat>) -> bool {
        self.record_with(&transition, &Payload::default());
        true
    }

    fn announce(&self) {
        let changed = std::mem::take(&mut *self.changed.lock());
        changed.iter().for_each(|news| news.send_replace(()));
    }
}
