//! Sends: from the queue of this process to the inboxes of the recipients.
//!
//! ```text
//!  caller ── append ──► queue ──► sender, one task for sends to few, one for sends to many:
//!                       bounded    takes what waits
//!                                  asks the history for message ids that were used before
//!                                  reserves the sequences of all boxes, batch after batch
//!                                  hands over to a flush, of which each task has four at a time:
//!                                     intent        what to finish if this node dies
//!                                     entries       one insert, durable before the next step
//!                                     rows, copies  one update and one insert
//!                                     answers
//! ```
//!
//! Whatever is written has its `_id` before the first attempt, so every attempt may be repeated. An
//! answer that is an error is either certain (nothing was stored) or an unknown outcome. What
//! became unknown is ended all the same: by its flush, which goes on in the background, or by any
//! node that finds the intent.

mod audience;
mod audience_queue;
mod batch;
mod delivery;
mod flush;
mod flushes;
mod gathered;
pub(super) mod insert;
pub(super) mod metrics;
pub(super) mod operation;
mod queue;
mod repetitions;
mod sender;
pub(super) mod spread;
mod waiting;

pub(super) use self::operation::Operation;
pub(super) use self::queue::Sender;
pub(super) use self::spread::spread;
