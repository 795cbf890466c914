//! `cargo xtask tidy`: the house rules that no compiler knows.

mod circles;
mod codes;
mod command;
mod comments;
mod defaults;
mod dialect;
mod edges;
mod glossary;
mod imports;
mod interface;
mod links;
mod metrics;
mod msrv;
mod public_type;
mod readmes;
mod scripts;
mod shape;
mod tree;
mod value;
mod words;

pub use self::command::{run, show_imports};
