//! The space of rooms: a seat is what is held, and a room lies in one shard.

use std::borrow::Cow;
use std::time::Duration;

use presence_core::Id;
use presence_core::rooms::{MemberKey, Payload, Room};
use redis::Cmd;

use super::payloads::Payloads;
use super::tail::Tail;
use crate::leases::config::Config;
use crate::leases::script;
use crate::leases::space::{Space, SpaceScripts};

/// Who is in which room.
#[derive(Debug, Clone, Copy)]
pub(in crate::leases) struct RoomSpace;

impl RoomSpace {
    /// How long the log of a room is kept after its last member left.
    const KEPT: Duration = Duration::from_secs(5 * 60);
}

impl Space for RoomSpace {
    type Name = MemberKey;
    type Payload = Payload;
    type Payloads = Payloads;
    type Tail = Tail;

    const KIND: &'static str = "rooms";
    const TAG: &'static str = ":rooms";
    const PAST: &'static str = "empty";
    const LINES: usize = 2;

    fn home(seat: &MemberKey) -> &[u8] {
        seat.room.as_bytes()
    }

    fn text(seat: &MemberKey) -> Cow<'_, str> {
        format!("{}\n{}", seat.room, seat.id).into()
    }

    fn read(text: &str) -> Option<MemberKey> {
        let (room, id) = text.split_once('\n')?;
        Some(MemberKey::new(Room::new(room).ok()?, Id::new(id).ok()?))
    }

    fn scripts() -> SpaceScripts {
        SpaceScripts {
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
        // What is said again counts only if the seat is free: else it could replace what another
        // process showed later.
        let mark: &[u8] = if said_again { b"?" } else { b"=" };
        command.arg([mark, payload.as_bytes()].concat());
    }
}
