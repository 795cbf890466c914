//! `cargo xtask conformance`: the hub's WebSocket codec against the Autobahn suite.

mod command;
mod report;
mod runtime;

pub use command::{Part, run};
pub(crate) use runtime::Runtime;
