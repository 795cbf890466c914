//! The conductor's binary protocol: pure, no I/O, no clock.

#[cfg(feature = "serde")]
mod body;
mod message;
mod opcode;

pub use message::{DecodeError, EncodeError, Message, MessageRef};
pub use opcode::Opcode;
