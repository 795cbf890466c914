//! What the HTTP and the gRPC service have in common: requests to calls, and errors to codes.

mod calls;
mod code;
mod entry;
pub(crate) mod in_flight;

pub(crate) use self::calls::Calls;
pub(crate) use self::code::Code;
pub use self::in_flight::Connection;
