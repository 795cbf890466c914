//! A part of the rooms, and how much of their past is kept.

use std::collections::{HashMap, VecDeque};

use foldhash::quality::RandomState;

use super::hall::{Hall, Record};
use crate::beings;
use crate::name::{Id, Room};
use crate::rooms::Action;

/// The rooms of one place.
#[derive(Debug)]
pub(super) struct Place {
    halls: HashMap<Room, Hall, RandomState>,
    /// The events of all the rooms, the oldest first; some are forgotten already.
    retained: VecDeque<Retained>,
    limits: Limits,
    keys: RandomState,
}

/// How many events are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) of_room: usize,
    pub(super) of_place: usize,
}

#[derive(Debug)]
struct Retained {
    room: Room,
    epoch: u64,
    number: u64,
}

impl Place {
    pub(super) fn new(limits: Limits, keys: RandomState) -> Self {
        Self { halls: HashMap::with_hasher(keys.clone()), retained: VecDeque::new(), limits, keys }
    }

    pub(super) fn get(&self, room: &Room) -> Option<&Hall> {
        self.halls.get(room)
    }

    pub(super) fn get_mut(&mut self, room: &Room) -> Option<&mut Hall> {
        self.halls.get_mut(room)
    }

    /// Finds a room, or opens it for a life that `epoch` names.
    pub(super) fn open(&mut self, room: &Room, epoch: impl FnOnce() -> u64) -> &mut Hall {
        if !self.halls.contains_key(room) {
            let hall = Hall::new(epoch(), self.limits.of_room, self.keys.clone());
            self.halls.insert(room.clone(), hall);
        }
        self.halls.get_mut(room).expect("inserted above")
    }

    /// Forgets a room that nobody would miss.
    pub(super) fn close(&mut self, room: &Room) {
        if self.halls.get(room).is_some_and(Hall::is_forsaken) {
            self.halls.remove(room);
        }
    }

    /// Writes an event of a room that is open; the oldest of the place goes when there are too
    /// many.
    pub(super) fn append(&mut self, room: &Room, id: &Id, action: Action) {
        let Some(hall) = self.halls.get_mut(room) else { return };
        let (count, at) = (hall.count(), beings::wall_now());
        hall.log.append(Record { id: id.clone(), action, count, at });
        let (epoch, number) = (hall.log.epoch(), hall.log.last());
        self.retained.push_back(Retained { room: room.clone(), epoch, number });
        if self.retained.len() <= self.limits.of_place {
            return;
        }
        let Some(Retained { room, epoch, number }) = self.retained.pop_front() else { return };
        if let Some(hall) = self.halls.get_mut(&room)
            && hall.log.epoch() == epoch
        {
            hall.log.forget(number);
        }
    }
}
