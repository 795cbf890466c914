//! The WebSocket protocol, server side: pure, no I/O, no clock.
//!
//! Source: RFC 6455, sections 5 to 7; RFC 7692 for compression.

mod decoder;
mod deflate;
mod frame;
mod scout;
#[cfg(test)]
mod tests;
mod violation;

pub use decoder::{ClientInput, Decoder};
pub(crate) use deflate::deflate_frames;
// For those who speak the protocol by themselves; the hub compresses by `deflate_frames`.
#[cfg(feature = "codec")]
pub use deflate::deflate;
pub use deflate::{Window, agreed_window};
#[cfg(feature = "codec")]
pub use frame::put_deflated_frame;
pub use frame::{FrameKind, close_frame, put_frame};
pub(crate) use scout::Scout;
pub use violation::Violation;
