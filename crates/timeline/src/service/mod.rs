//! What the HTTP and the gRPC service have in common.
//!
//! They turn requests into calls, and errors into codes.

mod calls;
mod code;
pub(crate) mod in_flight;

pub(crate) use self::calls::Calls;
pub(crate) use self::code::Code;
pub use self::in_flight::{AnswerMemory, AnswerPermit, RequestConnection};
