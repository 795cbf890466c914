//! The webhook, to a receiver that listens at the loopback address.

mod delivery;
mod example;
mod receiver;
