//! Rooms in the leases layout, and streams of single rooms.
//!
//! Rooms are a space of shards beside that of ids.

mod backend;
mod calls;
mod follower;
mod log;
mod look;
mod payloads;
mod record;
mod snapshot;
mod space;
mod subscription;
mod tail;

pub(super) use self::space::RoomSpace;
