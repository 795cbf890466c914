//! Rooms in the leases layout, and streams of single rooms.
//!
//! Rooms are a space of shards beside that of ids.

mod backend;
mod calls;
mod follow;
mod logs;
mod look;
mod payloads;
mod record;
mod space;
mod tail;

pub(super) use self::space::RoomSpace;
