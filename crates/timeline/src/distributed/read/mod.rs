//! How pages of boxes are read, and what is done about holes in them.
//!
//! A page is one find in the order of sequences, which returns the head of the box as well. What
//! comes is taken as long as it is contiguous:
//!
//! ```text
//!  seq   0     41          42  43  44      46
//!        head  the reader  └── page ──┘ ▲   further entries
//!                                       └── hole: a writer has not come yet, or never will
//! ```
//!
//! A hole is noted when it is first seen below a committed entry. It is left to its writer for the
//! grace, on the clock of this node alone; then a tombstone closes it. Who wrote first is decided
//! by the index, so a writer that comes later takes another sequence.
//!
//! What lies behind a hole was acknowledged, maybe. So no page says that it is the last one while
//! there is something behind it: one of an inbox names the newest sequence, one of a history what
//! it lacks. Nobody waits here, where an answer has memory: the [`Timeline`](crate::Timeline) and
//! the services do, and read again.

mod backward;
mod edited;
mod finds;
mod forward;
mod gap;
mod history;
mod holes;
mod inbox;
mod lookups;
mod newest;
mod repair;
mod times;

pub(super) use self::finds::{at_of, seq_of};
pub(super) use self::history::history;
pub(super) use self::holes::Holes;
pub(super) use self::inbox::inbox;
pub(super) use self::lookups::{check_reaches, entry, head};
pub(super) use self::newest::Newest;
