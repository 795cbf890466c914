//! The space of rooms: a seat is what is held, and a room lies in one shard.

use std::borrow::Cow;
use std::time::Duration;

use presence_core::Id;
use presence_core::rooms::{Payload, Room, Seat};
use redis::Cmd;

use super::faces::Faces;
use super::tail::Tail;
use crate::leases::config::Config;
use crate::leases::script;
use crate::leases::space::{Space, Texts};

/// Who is in which room.
#[derive(Debug, Clone, Copy)]
pub(in crate::leases) struct Seats;

impl Seats {
    /// How long the log of a room is kept after its last member left.
    const KEPT: Duration = Duration::from_mins(5);
}

impl Space for Seats {
    type Name = Seat;
    type Shown = Payload;
    type Faces = Faces;
    type Tail = Tail;

    const KIND: &'static str = "rooms";
    const TAG: &'static str = ":rooms";
    const PAST: &'static str = "empty";
    const LINES: usize = 2;

    fn home(seat: &Seat) -> &[u8] {
        seat.room.as_bytes()
    }

    fn text(seat: &Seat) -> Cow<'_, str> {
        format!("{}\n{}", seat.room, seat.id).into()
    }

    fn read(text: &str) -> Option<Seat> {
        let (room, id) = text.split_once('\n')?;
        Some(Seat::new(Room::new(room).ok()?, Id::new(id).ok()?))
    }

    fn scripts() -> Texts {
        Texts {
            write: &script::WRITE_SEATS,
            write_anyway: &script::WRITE_SEATS_ANYWAY,
            reap: &script::REAP_SEATS,
        }
    }

    fn bounds(config: &Config) -> (usize, usize) {
        (config.room_events_max, usize::try_from(script::ms(Self::KEPT)).unwrap_or(usize::MAX))
    }

    fn add_shown(command: &mut Cmd, shown: Option<&Payload>, said_again: bool) {
        let Some(payload) = shown else {
            command.arg("");
            return;
        };
        let mark: &[u8] = if said_again { b"?" } else { b"=" };
        command.arg([mark, payload.as_bytes()].concat());
    }
}
