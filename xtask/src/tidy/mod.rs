//! `cargo xtask tidy`: the house rules that no compiler knows.

mod codes;
mod command;
mod edges;
mod links;
mod scripts;
mod shape;
mod tree;
mod words;

pub use self::command::run;
