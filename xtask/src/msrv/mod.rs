//! `cargo xtask msrv`: the oldest Rust that each published crate is for.

mod command;
mod needs;
mod release;

pub(crate) use self::command::{run, steps};
pub(crate) use self::needs::{Need, needs};
