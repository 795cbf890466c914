//! Rows: what each member has of each conversation.
//!
//! A row is made when its member is first sent a message of the conversation, joins the group or
//! sends something. It is kept until the member is forgotten, also by who left.
//!
//! ```text
//!  send ──► enter    an upsert for each row that this node does not know, also for the sender;
//!                    before the copies if it may bring somebody in
//!  read ──► cursors  all callers of a moment together: one look, one command
//!           untold   those of which it is not known at once that they rose
//!  both ──► updates  up to 1,000 statements a command, repeated until they are confirmed
//! ```

mod awaited;
mod cache;
mod cursor_queue;
mod cursors;
mod enter;
mod find;
mod raising;
mod tell_later;
mod untold;
mod updates;

pub(super) use self::awaited::why_absent;
pub(super) use self::cache::RowsCache;
pub(super) use self::cursor_queue::CursorQueue;
pub(super) use self::cursors::{read, read_of};
pub(super) use self::enter::{RowEntry, due};
pub(super) use self::find::{find, find_of, find_present};
pub(super) use self::tell_later::tell_later;
pub(super) use self::updates::update;
