//! What attendance is told to.

use presence_core::Presence;
use presence_core::rooms::Rooms;

/// How an [`Attendance`](super::Attendance) works.
#[derive(Clone, Debug)]
#[must_use]
pub struct Config {
    pub(super) presence: Presence,
    pub(super) rooms: Option<Rooms>,
}

impl Config {
    /// Creates a configuration that tells `presence` who is connected.
    pub fn new(presence: Presence) -> Self {
        Self { presence, rooms: None }
    }

    /// Sets who is told which user is in which room.
    ///
    /// Nobody by default. Set it if clients show each other that they are in the same channel.
    pub fn rooms(self, rooms: Rooms) -> Self {
        Self { rooms: Some(rooms), ..self }
    }
}
