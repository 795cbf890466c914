//! How messages change, and what leaves a history.
//!
//! Each is one update of one document, from which on it is done for readers of the history, and
//! steps behind it that any node can take, any number of times, with the same effect:
//!
//! ```text
//!  change of a message        purge                       retention
//!  the document of the        the head of the             free
//!  message gets `change`      history gets its floor       holes are closed,
//!      │                      and `purge`                  changes under way settled,
//!  settle                         │                        copies lose their texts;
//!   the entry that tells      finish_purge                 `pruned` says how far that is
//!   the copies, as the         the entry that tells           │
//!   message is now             its copies                 the head of the
//!   the copies that tell       free                       history gets its floor
//!  `change` is removed        `purge` is removed
//! ```
//!
//! Before the update an intent names the document, so that a node that dies is followed by one that
//! finishes. Whoever meets a change or a purge under way finishes it first, whoever began it.
//!
//! Copies are changed only when all are written: one that is missing is written first, as what the
//! message is now. It has one `_id` whoever writes it, so the send that was late finds it there.

mod attempts;
mod change_message;
pub(super) mod copies;
pub(super) mod finish;
pub(super) mod freeing;
mod purge;
mod reservation;
mod rewriting;
mod settle;
mod stored;
mod told_entry;
mod turns;

pub(super) use self::change_message::change_message;
pub(super) use self::purge::purge;
pub(super) use self::stored::entries_without_records;
pub(super) use self::turns::Turns;
