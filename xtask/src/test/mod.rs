//! `cargo xtask test [FILTER]`: every test, and one summary at the end.

mod command;
mod pool;
mod program;
mod summary;

pub use self::command::run;
pub(crate) use self::command::{BUILD, build, run_quietly};
