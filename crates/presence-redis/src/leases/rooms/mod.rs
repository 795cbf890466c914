//! Rooms in the leases layout, and streams of single rooms.
//!
//! Rooms are a space of shards beside that of ids.

mod backend;
mod calls;
mod entry;
mod faces;
mod follower;
mod log;
mod look;
mod seats;
mod snapshot;
mod subscription;
mod tail;

pub(super) use self::seats::Seats;
