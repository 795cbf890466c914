//! What can be read of a damaged store, as a new one.

mod boxes;
mod found;
mod report;
mod run;
mod source;
mod target;
mod texts;

pub use self::report::Salvaged;
pub use self::run::{is_cut_salvage, salvage, salvage_noting};
