//! What the HTTP and the gRPC service have in common.
//!
//! They turn requests into calls, and errors into codes.

mod calls;
mod code;
pub(crate) mod in_flight;

use std::ops::RangeFrom;

pub(crate) use self::calls::Calls;
pub(crate) use self::code::Code;
pub use self::in_flight::{AnswerMemory, AnswerPermit, RequestConnection};

/// How many bytes a request has at most, unless a service is told another number.
pub(crate) const REQUEST_BYTES_MAX_DEFAULT: usize = 1024 * 1024;

/// Between what that number is.
pub(crate) const REQUEST_BYTES_MAX_BOUNDS: RangeFrom<usize> = 1024..;
