//! The conductor's binary protocol: pure, no I/O, no clock.
//!
//! One message is one WebSocket message, in the layout below; all numbers are little-endian.
//!
//! ```text
//! u16 opcode | u16 uuid length | uuid | u16 name length | channel name | u32 body length | body
//! ```
//!
//! ```
//! use bytes::BytesMut;
//! use conductor_protocol::{Message, MessageRef, Opcode};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut bytes = BytesMut::new();
//! Message::with_uuid(Opcode::WRITE, "7f1c", "news", "hi").encode(&mut bytes)?;
//! assert_eq!(&bytes[..], b"\x02\0\x04\x007f1c\x04\0news\x02\0\0\0hi");
//!
//! let message = MessageRef::decode(&bytes)?;
//! assert_eq!((message.opcode, message.channel, message.body), (Opcode::WRITE, "news", &b"hi"[..]));
//! # Ok(())
//! # }
//! ```
//!
//! What a length field says is compared with what there is before anything is allocated: a message
//! that is cut short is an error, never padded. [`Reconnect`] says by the code of a close frame
//! whether a client comes back.
//!
//! # Who uses it
//!
//! `conductor-hub` has it as its module `protocol`, and `conductor-client` as its own. Whoever
//! writes a client in another language reads `PROTOCOL.md` of `conductor-hub`, and holds it to
//! [`GOLDEN_VECTORS`].
//!
//! # Features
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `serde` | serde's traits on [`Message`] and [`Opcode`], with the JSON names of the original | no |
//!
//! # Third-party types in this API
//!
//! `bytes::{Bytes, BytesMut}`, and serde's traits (feature `serde`).

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs, clippy::must_use_candidate)]

#[cfg(feature = "serde")]
mod body;
mod message;
mod opcode;
mod reconnect;
mod vectors;

pub use message::{DecodeError, EncodeError, Message, MessageRef};
pub use opcode::Opcode;
pub use reconnect::Reconnect;
pub use vectors::GOLDEN_VECTORS;
