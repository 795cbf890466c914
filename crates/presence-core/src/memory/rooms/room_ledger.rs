//! The ledger of rooms: who joins and leaves is an event of their room at once.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::quality::RandomState;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

use super::room::{RoomState, Updated};
use super::stripe::{EventLimits, RoomStripe};
use crate::event::Status;
use crate::feed::{ROOM_EVENT_BYTES, Reading};
use crate::memory::config::Config;
use crate::memory::id_ledger;
use crate::name::{Id, Room};
use crate::page::Cursor;
use crate::rooms::{Action, MemberKey, MemberPage, Payload};
use crate::tracker::{Ledger, STRIPES, Transition};

/// All rooms.
///
/// A room is in the stripe with its number here and among the [`Tracker`](crate::tracker::Tracker)
/// of its members. Locks are taken in the order stripe there, stripe here, `changed`.
#[derive(Debug)]
pub(in crate::memory) struct RoomLedger {
    stripes: Box<[Mutex<RoomStripe>]>,
    /// The rooms whose log has grown and whose streams are yet to be told.
    changed: Mutex<Vec<watch::Sender<Reading>>>,
    /// The epoch of the next room that is opened.
    epochs: AtomicU64,
    keys: RandomState,
}

impl RoomLedger {
    pub(in crate::memory) fn new(config: &Config) -> Self {
        let keys = RandomState::default();
        let (of_room, of_stripe) = (config.room_events_max, config.events_max.div_ceil(STRIPES));
        let bytes_of_stripe = of_stripe.saturating_mul(ROOM_EVENT_BYTES).max(BYTES_MIN);
        let limits = EventLimits { of_room, of_stripe, bytes_of_stripe };
        let stripe = || Mutex::new(RoomStripe::new(limits, keys.clone()));
        Self {
            stripes: std::iter::repeat_with(stripe).take(STRIPES).collect(),
            changed: Mutex::default(),
            epochs: AtomicU64::new(id_ledger::epoch()),
            keys,
        }
    }

    /// Writes a transition down, with what shows who joins.
    pub(super) fn record_with(&self, transition: &Transition<'_, MemberKey>, payload: &Payload) {
        let (MemberKey { room, id }, cause) = (transition.name, transition.cause);
        let mut stripe = self.stripe(room);
        if cause.status() == Status::Online {
            let action = stripe.open(room, || self.next_epoch()).join(id.clone(), payload.clone());
            self.append(&mut stripe, room, id, action);
        } else if let Some(hall) = stripe.get_mut(room) {
            hall.leave(id);
            self.append(&mut stripe, room, id, Action::Left(cause));
            // The order matters: a room that is forgotten takes its log with it.
            stripe.close(room);
        }
    }

    /// Changes what a member shows, and says whether it is one.
    pub(super) fn update(&self, room: &Room, id: &Id, payload: &Payload) -> bool {
        let mut stripe = self.stripe(room);
        let updated = stripe.get_mut(room).map_or(Updated::NoMember, |hall| hall.update(id, payload));
        match updated {
            Updated::NoMember => return false,
            Updated::Same => {}
            Updated::Changed(action) => {
                self.append(&mut stripe, room, id, action);
                drop(stripe);
                self.announce();
            }
        }
        true
    }

    pub(super) fn page(&self, room: &Room, cursor: Cursor, limit: usize) -> MemberPage {
        let stripe = self.stripe(room);
        stripe.get(room).map_or_else(|| MemberPage::new(Vec::new(), None), |hall| hall.page(cursor, limit))
    }

    pub(super) fn count(&self, room: &Room) -> u64 {
        self.stripe(room).get(room).map_or(0, RoomState::count)
    }

    /// Keeps a room until as many calls of `unwatch`.
    pub(super) fn watch(&self, room: &Room) -> watch::Receiver<Reading> {
        self.stripe(room).open(room, || self.next_epoch()).watch()
    }

    pub(super) fn unwatch(&self, room: &Room) {
        let mut stripe = self.stripe(room);
        if let Some(hall) = stripe.get_mut(room) {
            hall.unwatch();
            stripe.close(room);
        }
    }

    /// Looks at a room that is watched, while nobody writes to it.
    pub(super) fn look<T>(&self, room: &Room, look: impl FnOnce(&RoomState) -> T) -> T {
        look(self.stripe(room).get(room).expect("a room is kept while it is watched"))
    }

    fn append(&self, stripe: &mut RoomStripe, room: &Room, id: &Id, action: Action) {
        stripe.append(room, id, action);
        self.changed.lock().extend(stripe.get(room).and_then(RoomState::news));
    }

    fn stripe(&self, room: &Room) -> MutexGuard<'_, RoomStripe> {
        self.stripes[self.stripe_of(room)].lock()
    }

    fn stripe_of(&self, room: &Room) -> usize {
        (self.keys.hash_one(room.as_bytes()) >> 32) as usize % STRIPES
    }

    fn next_epoch(&self) -> u64 {
        self.epochs.fetch_add(1, Ordering::Relaxed)
    }
}

/// There is room for the largest event in each stripe, however few are to be kept.
const BYTES_MIN: usize = 16 * 1024;

impl Ledger for RoomLedger {
    type Name = MemberKey;

    fn stripe(&self, name: &MemberKey, _hash: u64) -> usize {
        self.stripe_of(&name.room)
    }

    fn record(&self, transition: Transition<'_, MemberKey>) -> bool {
        self.record_with(&transition, &Payload::default());
        true
    }

    fn announce(&self) {
        let changed = std::mem::take(&mut *self.changed.lock());
        changed.iter().for_each(|news| news.send_modify(|_| {}));
    }
}
