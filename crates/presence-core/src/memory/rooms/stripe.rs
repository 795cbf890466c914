//! A part of the rooms, and how much of their past is kept.

use std::collections::{HashMap, VecDeque};

use foldhash::quality::RandomState;

use super::room::{RoomRecord, RoomState};
use crate::feed::Logged;
use crate::name::{Id, Room};
use crate::rooms::Action;
use crate::tracker;

/// The rooms of one stripe.
#[derive(Debug)]
pub(super) struct RoomStripe {
    rooms: HashMap<Room, RoomState, RandomState>,
    /// The events of all the rooms, the oldest first; some are forgotten already.
    retained: VecDeque<Retained>,
    /// What they take, those that are forgotten included.
    bytes: usize,
    limits: EventLimits,
    keys: RandomState,
}

/// How many events are kept, and how many bytes of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct EventLimits {
    pub(super) of_room: usize,
    pub(super) of_stripe: usize,
    pub(super) bytes_of_stripe: usize,
}

#[derive(Debug)]
struct Retained {
    room: Room,
    epoch: u64,
    number: u64,
    /// Of the event, and of this.
    bytes: usize,
}

impl RoomStripe {
    pub(super) fn new(limits: EventLimits, keys: RandomState) -> Self {
        let rooms = HashMap::with_hasher(keys.clone());
        Self { rooms, retained: VecDeque::new(), bytes: 0, limits, keys }
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

    /// Writes an event of a room that is open; the oldest of the stripe go when they are too many
    /// or too large.
    pub(super) fn append(&mut self, room: &Room, id: &Id, action: Action) {
        let Some(hall) = self.rooms.get_mut(room) else { return };
        let (count, at) = (hall.count(), tracker::wall_now());
        let record = RoomRecord { id: id.clone(), action, count, at };
        let bytes = record.bytes() + size_of::<Retained>() + room.as_bytes().len();
        hall.log.append(record);
        let (epoch, number) = (hall.log.epoch(), hall.log.last());
        self.retained.push_back(Retained { room: room.clone(), epoch, number, bytes });
        self.bytes += bytes;
        while self.retained.len() > self.limits.of_stripe || self.bytes > self.limits.bytes_of_stripe {
            let Some(Retained { room, epoch, number, bytes }) = self.retained.pop_front() else { return };
            self.bytes -= bytes;
            if let Some(hall) = self.rooms.get_mut(&room)
                // A room that was forgotten and opened anew has another epoch, and its numbers
                // begin again.
                && hall.log.epoch() == epoch
            {
                hall.log.forget(number);
            }
        }
    }
}
