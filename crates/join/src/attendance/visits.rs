//! What is wanted of the rooms, and what the store was told, by connection.

use std::collections::{HashMap, VecDeque};

use presence_core::rooms::{MemberKey, Payload, Room};
use presence_core::{Device, Id};

/// The connections that are in rooms, or are to be.
#[derive(Debug, Default)]
pub(super) struct Visits {
    visits: HashMap<Device, Visit>,
    /// Connections that somebody has to look at, each once.
    waiting: VecDeque<Device>,
    /// What users show, while a connection of theirs here is bound there.
    shown: HashMap<MemberKey, Shown>,
}

/// What to tell the store next.
pub(super) enum RoomCall {
    Join(Payload),
    Leave,
}

// A connection, as its tasks go:
//
//  at rest ──look_at──► in the queue ──next──► being looked at ──step says None──► at rest
//                            ▲                       │ the store failed
//                            └──────look_again───────┘
//
// `taken` is true all the way, so it stands in the queue at most once and nobody else looks.
/// One connection.
#[derive(Debug)]
struct Visit {
    user: Id,
    /// By room. As a rule it is one, and there are as many visits as connections, so it is a list
    /// that fits and not a map.
    rooms: Vec<VisitedRoom>,
    /// Where what is wanted and what was told may differ.
    unsettled: Vec<Room>,
    /// Whether it is waiting, or being looked at.
    taken: bool,
}

// What a room needs:
//
//  bound  seated
//  yes    no      to be joined
//  yes    yes     nothing; joined again when what the user shows has changed
//  no     yes     to be left
//  no     no      to be forgotten, unless it is among the unsettled
/// A room of one connection.
#[derive(Debug)]
struct VisitedRoom {
    room: Room,
    /// Whether the connection is to be there.
    bound: bool,
    /// Whether the store has it there, or may have it.
    seated: bool,
    /// Whether it is among the unsettled.
    unsettled: bool,
}

#[derive(Debug, Default)]
struct Shown {
    payload: Payload,
    connections: usize,
}

impl Visits {
    /// Notes that a connection is to be in a room; `false` if that is nothing new.
    pub(super) fn bind(&mut self, device: &Device, user: &Id, room: Room) -> bool {
        let visit = self.visits.entry(device.clone()).or_insert_with(|| Visit::new(user.clone()));
        let visited = visit.at_or_insert(&room);
        if std::mem::replace(&mut visited.bound, true) {
            return false;
        }
        self.shown.entry(MemberKey::new(room.clone(), user.clone())).or_default().connections += 1;
        self.look_at(device, room);
        true
    }

    /// Notes that a connection is to leave a room.
    pub(super) fn unbind(&mut self, device: &Device, room: Room) {
        let Some(visit) = self.visits.get_mut(device) else { return };
        if !visit.at(&room).is_some_and(|visited| std::mem::take(&mut visited.bound)) {
            return;
        }
        let seat = MemberKey::new(room.clone(), visit.user.clone());
        if let Some(shown) = self.shown.get_mut(&seat) {
            // What a user shows goes with the last connection of theirs that is bound there.
            shown.connections -= 1;
            if shown.connections == 0 {
                self.shown.remove(&seat);
            }
        }
        self.look_at(device, room);
    }

    /// Notes that a connection is to leave every room.
    pub(super) fn unbind_all(&mut self, device: &Device) {
        let rooms = self.visits.get(device).map(|visit| {
            let bound = visit.rooms.iter().filter(|visited| visited.bound);
            bound.map(|visited| visited.room.clone()).collect::<Vec<_>>()
        });
        for room in rooms.unwrap_or_default() {
            self.unbind(device, room);
        }
    }

    /// Sets what the user of a connection shows in a room; `false` if the connection is not bound
    /// there.
    pub(super) fn show(&mut self, device: &Device, room: Room, payload: Payload) -> bool {
        let Some(visit) = self.visits.get_mut(device) else { return false };
        if !visit.at(&room).is_some_and(|visited| visited.bound) {
            return false;
        }
        let seat = MemberKey::new(room.clone(), visit.user.clone());
        self.shown.entry(seat).or_default().payload = payload;
        self.look_at(device, room);
        true
    }

    /// Takes the next connection to look at.
    pub(super) fn next(&mut self) -> Option<Device> {
        self.waiting.pop_front()
    }

    /// Puts a connection back into the queue whose rooms could not be brought to what is wanted.
    pub(super) fn look_again(&mut self, device: Device) {
        self.waiting.push_back(device);
    }

    /// What to do next for a connection; `None` when it is where it is to be, which leaves it to
    /// the next who looks.
    pub(super) fn step(&mut self, device: &Device) -> Option<(MemberKey, RoomCall)> {
        let visit = self.visits.get_mut(device)?;
        while let Some(room) = visit.unsettled.pop() {
            let Some(visited) = visit.at(&room) else { continue };
            visited.unsettled = false;
            let (bound, seated) = (visited.bound, visited.seated);
            // This is noted before the store is asked: a join whose answer is lost may have been
            // carried out, and then has to be left.
            visited.seated |= bound;
            let seat = MemberKey::new(room, visit.user.clone());
            if bound {
                let shown = self.shown.get(&seat).map(|shown| shown.payload.clone());
                return Some((seat, RoomCall::Join(shown.unwrap_or_default())));
            }
            if seated {
                return Some((seat, RoomCall::Leave));
            }
            visit.drop_if_over(&seat.room);
        }
        // The memory of the list is given back, as the connection is not expected to change soon.
        visit.unsettled = Vec::new();
        // No note is lost here: the list was found empty under the same lock under which hooks add
        // to it, and one that comes later finds `taken` false and queues the connection.
        visit.taken = false;
        if visit.rooms.is_empty() {
            self.visits.remove(device);
        }
        None
    }

    /// Notes that the store let a connection leave a room.
    pub(super) fn left(&mut self, device: &Device, room: &Room) {
        let Some(visit) = self.visits.get_mut(device) else { return };
        if let Some(visited) = visit.at(room) {
            visited.seated = false;
        }
        visit.drop_if_over(room);
    }

    /// Notes that a connection that is being looked at has another thing to do.
    pub(super) fn unsettle(&mut self, device: &Device, room: Room) {
        let Some(visit) = self.visits.get_mut(device) else { return };
        let Some(visited) = visit.at(&room) else { return };
        if !std::mem::replace(&mut visited.unsettled, true) {
            visit.unsettled.push(room);
        }
    }

    /// Returns whether no connection is in a room, or is to be.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.visits.is_empty() && self.waiting.is_empty() && self.shown.is_empty()
    }

    /// Has somebody look at a room of a connection.
    fn look_at(&mut self, device: &Device, room: Room) {
        self.unsettle(device, room);
        let Some(visit) = self.visits.get_mut(device) else { return };
        if !std::mem::replace(&mut visit.taken, true) {
            self.waiting.push_back(device.clone());
        }
    }
}

impl Visit {
    fn new(user: Id) -> Self {
        Self { user, rooms: Vec::new(), unsettled: Vec::new(), taken: false }
    }

    fn index(&self, room: &Room) -> Result<usize, usize> {
        self.rooms.binary_search_by(|visited| visited.room.cmp(room))
    }

    fn at(&mut self, room: &Room) -> Option<&mut VisitedRoom> {
        let index = self.index(room).ok()?;
        self.rooms.get_mut(index)
    }

    fn at_or_insert(&mut self, room: &Room) -> &mut VisitedRoom {
        let index = self.index(room).unwrap_or_else(|index| {
            if self.rooms.capacity() == 0 {
                self.rooms.reserve_exact(1);
            }
            let room = room.clone();
            self.rooms.insert(index, VisitedRoom { room, bound: false, seated: false, unsettled: false });
            index
        });
        &mut self.rooms[index]
    }

    /// Forgets a room that the connection neither is in nor is to be in.
    fn drop_if_over(&mut self, room: &Room) {
        if let Ok(index) = self.index(room) {
            let visited = &self.rooms[index];
            if !visited.bound && !visited.seated && !visited.unsettled {
                self.rooms.remove(index);
            }
        }
    }
}
