//! The WebSocket protocol, server side: pure, no I/O, no clock.
//!
//! Source: RFC 6455, sections 5 to 7.

mod decoder;
mod frame;
mod scout;
#[cfg(test)]
mod tests;

pub use decoder::{ClientInput, Decoder, Violation};
pub use frame::{FrameKind, close_frame, put_frame};
pub(crate) use scout::Scout;
