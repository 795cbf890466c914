//! How many bytes of answers may wait for readers that are slow.
//!
//! It also says which of them goes when others wait for room. A client that asks for pages and does
//! not read them would otherwise make the process hold as many as it likes, and clients that hold
//! all the room would keep everybody else out:
//!
//! ```text
//! reserve (waits up to 1 s) ──► read the store, encode ──► answer: pieces that hold the room ──► written piece by piece,
//!    │         │                            │                   │                                each gives its room back
//!    │         │                            ▼ it failed         │
//!    │         │                        given back              │
//!    │         └─ while it waits ─────────────────────────────► └─ cut, the one that stood still longest first
//!    ▼ no room
//!  refused
//! ```
//!
//! Two rules share the room. One connection has a quarter of it at most, whatever number of
//! requests it carries. And while somebody waits, answers that stand still are cut. Addresses are
//! not counted: behind a proxy all clients have the same.

mod answer;
mod body;
mod connection;
mod part;
mod permit;

use std::ops::RangeFrom;
use std::time::Duration;

pub(crate) use self::body::{AnswerBody, Cut, Pieces};
pub use self::connection::RequestConnection;
pub(crate) use self::part::Full;
pub use self::permit::{AnswerMemory, AnswerPermit};

/// How long a read waits for room, and after which time a refused client should ask again.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// How many bytes of answers a listener has in flight at most, unless it is told another number.
pub(crate) const BYTES_MAX_DEFAULT: usize = 64 * 1024 * 1024;

/// Between what that number is.
pub(crate) const BYTES_MAX_BOUNDS: RangeFrom<usize> = ANSWER_BYTES as usize..;

/// What is reserved for an answer before its size is known.
///
/// A page has about 1 MiB of entries, and JSON puts a backslash before each quotation mark in them.
const ANSWER_BYTES: u32 = 5 * 512 * 1024;

/// What a client is told whose read found no room.
pub(crate) const FULL: &str =
    "the server is busy, as too many answers wait for slow clients; ask again in a second";

/// What a client is told whose answer is cut.
pub(crate) const CUT: &str =
    "the answer was cut, as it was read too slowly while others waited; ask again for what is missing";
