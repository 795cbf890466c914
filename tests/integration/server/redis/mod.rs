//! Presence on Redis: several servers that are one, and what becomes of them when Redis or one of
//! them goes.

mod outages;
mod rooms;
mod servers;
mod starts;
mod together;
