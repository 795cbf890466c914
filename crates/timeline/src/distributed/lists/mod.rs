//! What conversations are to their members: views, and the list of all.
//!
//! ```text
//!  rows of the member ─► extents of their histories ─► order ─► one page: last messages ∥ unread
//!                        512 a command                           ∥ rows of the others ∥ titles
//! ```
//!
//! The number of commands grows with the hundreds of conversations, not with each.

mod conversations;
mod entries;
mod extents;
mod last_messages;
mod listed;
mod summaries;
mod unread;
mod views;

pub(super) use self::conversations::conversations;
pub(super) use self::views::{clear, view, views};
