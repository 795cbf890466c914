//! `cargo xtask readme`: the front page of each crate that is published, made from the
//! documentation of its `lib.rs`.

mod command;
mod front;
mod markdown;

pub use self::command::run;
pub use self::front::Front;
