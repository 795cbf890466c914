//! Rooms in the leases layout: a space of shards beside that of ids, and streams of single rooms.

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
