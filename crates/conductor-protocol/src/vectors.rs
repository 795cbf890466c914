//! The golden vectors, for tests of clients.

/// The golden vectors of the protocol, as JSON.
///
/// `messages` has each message by its parts, the body in hexadecimal digits, with its encoding,
/// `hex`; `errors` has bytes that are no message, with the reason. They were taken from the wire of
/// the original, and no version of this crate changes one.
///
/// ```json
/// {"name":"write","opcode":2,"uuid":"u","channel":"f","body":"6869","hex":"0200…"}
/// ```
pub const GOLDEN_VECTORS: &str = include_str!("../vectors.json");
