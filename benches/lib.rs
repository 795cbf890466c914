//! What the benches share.

pub mod budget;
