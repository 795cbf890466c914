//! What can be read of a damaged store, as a new one.

mod boxes;
mod found;
mod index;
mod report;
mod run;
mod source;
mod target;
mod texts;

pub(super) use self::index::index_problem;
pub use self::report::Salvaged;
pub use self::run::{is_cut_salvage, salvage, salvage_noting};

#[cfg(test)]
mod tests;
