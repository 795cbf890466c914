//! What the HTTP and the gRPC service have in common.
//!
//! They ask who calls, turn requests into calls of those who may, and errors into codes.

mod call_refused;
mod caller;
mod calls;
mod code;
mod fields;
pub(crate) mod in_flight;
mod mark;
mod named;
mod page_read;
mod rules;
mod watch_body;
mod watches;
mod watching;

use std::ops::RangeFrom;

pub use self::call_refused::{CallRefused, CallRefusedKind};
pub(crate) use self::caller::Everybody;
pub use self::caller::{CallEnd, Caller, Callers};
pub(crate) use self::calls::{Calls, Paged};
pub(crate) use self::code::Code;
pub use self::in_flight::{AnswerMemory, AnswerPermit, RequestConnection};
pub(crate) use self::page_read::{NotRead, answer_page};
pub(crate) use self::watch_body::{Chunk, WatchBody};
pub(crate) use self::watches::{WATCHES_MAX_BOUNDS, WATCHES_MAX_DEFAULT, Watches};
pub(crate) use self::watching::{NewPage, NotWatched, Watched, Watching};

/// How many bytes a request has at most, unless a service is told another number.
pub(crate) const REQUEST_BYTES_MAX_DEFAULT: usize = 1024 * 1024;

/// Between what that number is.
pub(crate) const REQUEST_BYTES_MAX_BOUNDS: RangeFrom<usize> = 1024..;
