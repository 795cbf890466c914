//! permessage-deflate: compressed messages, each for itself.
//!
//! No message needs what came before it, in either direction (`no_context_takeover`). So a
//! connection holds no state of zlib, and one compressed message serves all its receivers.
//!
//! Source: RFC 7692, section 7.

mod compress;
mod frames;
mod inflate;
mod offer;
#[cfg(test)]
mod tests;

pub use compress::deflate;
pub(crate) use frames::deflate_frames;
pub(super) use inflate::inflate;
pub use offer::{Window, agreed_window};

/// How every compressed message ends, and what is left out on the wire: an empty block, which
/// brings the end to a whole byte.
const TAIL: [u8; 4] = [0x00, 0x00, 0xFF, 0xFF];
