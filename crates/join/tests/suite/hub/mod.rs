//! The parts that need a hub, with real clients at the loopback address.

mod attendance;
mod client;
mod receipts;
mod roster;
