//! `cargo xtask peers [FILTER] [--rounds N] [--smoke]`: measures hubs of others beside ours.
//!
//! What the load client prints is described in `benches/peers/main.rs`.

mod command;
mod install;
mod listing;
mod table;

pub use self::command::run;
