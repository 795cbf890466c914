//! The WebSocket protocol, server side: pure, no I/O, no clock.
//!
//! Source: RFC 6455, sections 5 to 7.

mod decoder;
mod frame;
#[cfg(test)]
mod tests;

pub use decoder::{ClientInput, Decoder, Violation};
#[cfg(feature = "sisters")]
pub(crate) use frame::payloads_of;
pub use frame::{FrameKind, close_frame, put_frame};
