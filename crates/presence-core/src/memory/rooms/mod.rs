//! Rooms in memory: their members, and a log of each.

mod backend;
mod feed;
mod room;
mod room_ledger;
mod stripe;

pub(super) use self::room_ledger::RoomLedger;
