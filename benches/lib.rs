//! What the benches share.

pub mod budget;
pub mod flood;
pub mod frame;
pub mod json;
pub mod process;
pub mod tally;
pub mod tokens;
