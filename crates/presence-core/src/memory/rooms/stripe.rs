//! A part of the rooms, and how much of their past is kept.

use std::collections::{HashMap, VecDeque};

use foldhash::quality::RandomState;

use super::room::{Record, RoomState};
use crate::name::{Id, Room};
use crate::rooms::Action;
use crate::tracker;

/// The rooms of one place.
#[derive(Debug)]
pub(super) struct RoomStripe {
    rooms: HashMap<Room, RoomState, RandomState>,
    /// The events of all the rooms, the oldest first; some are forgotten already.
    retained: VecDeque<Retained>,
    limits: EventLimits,
    keys: RandomState,
}

/// How many events are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct EventLimits {
    pub(super) of_room: usize,
    pub(super) of_stripe: usize,
}

#[derive(Debug)]
struct Retained {
    room: Room,
    epoch: u64,
    number: u64,
}

impl RoomStripe {
    pub(super) fn new(limits: EventLimits, keys: RandomState) -> Self {
        Self { rooms: HashMap::with_hasher(keys.clone()), retained: VecDeque::new(), limits, keys }
    }

    pub(super) fn get(&self, room: &Room) -> Option<&RoomState> {
        self.rooms.get(room)
    }

    pub(super) fn get_mut(&mut self, room: &Room) -> Option<&mut RoomState> {
        self.rooms.get_mut(room)
    }

    /// Finds a room, or opens it in the epoch that `epoch` returns.
    pub(super) fn open(&mut self, room: &Room, epoch: impl FnOnce() -> u64) -> &mut RoomState {
        if !self.rooms.contains_key(room) {
            let hall = RoomState::new(epoch(), self.limits.of_room, self.keys.clone());
            self.rooms.insert(room.clone(), hall);
        }
        self.rooms.get_mut(room).expect("inserted above")
    }

    /// Forgets a room that nobody would miss.
    pub(super) fn close(&mut self, room: &Room) {
        if self.rooms.get(room).is_some_and(RoomState::is_unused) {
            self.rooms.remove(room);
        }
    }

    /// Writes an event of a room that is open; the oldest of the place goes when there are too
    /// many.
    pub(super) fn append(&mut self, room: &Room, id: &Id, action: Action) {
        let Some(hall) = self.rooms.get_mut(room) else { return };
        let (count, at) = (hall.count(), tracker::wall_now());
        hall.log.append(Record { id: id.clone(), action, count, at });
        let (epoch, number) = (hall.log.epoch(), hall.log.last());
        self.retained.push_back(Retained { room: room.clone(), epoch, number });
        if self.retained.len() <= self.limits.of_stripe {
            return;
        }
        let Some(Retained { room, epoch, number }) = self.retained.pop_front() else { return };
        if let Some(hall) = self.rooms.get_mut(&room)
            && hall.log.epoch() == epoch
        {
            hall.log.forget(number);
        }
    }
}
