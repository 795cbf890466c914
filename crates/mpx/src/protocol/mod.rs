//! The protocol of Redis: frames out of bytes, and commands into bytes.
//!
//! This module is pure: it does no I/O. Source:
//! <https://redis.io/docs/latest/develop/reference/protocol-spec/> and
//! <https://redis.io/docs/latest/develop/pubsub/>.

mod command;
mod frame;

pub(crate) use self::command::{TEXT_MAX, TOO_LONG, Verb, write_command};
pub(crate) use self::frame::plain_message;
pub use self::frame::{Frame, Malformed, NameKind, Parsed, parse};
