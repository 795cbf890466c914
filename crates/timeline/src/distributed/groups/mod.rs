//! Groups that the store knows.
//!
//! A group is one document. A change of it writes the document and the rows of all members who join
//! or leave in one transaction, so that both are there or neither.

mod bound;
mod change;
mod page;
mod transaction;
mod turns;

pub use self::bound::GROUP_MEMBERS_MAX;
pub(super) use self::bound::check_send;
pub(super) use self::change::change;
pub(super) use self::page::{created, get, of_member, titles};
pub(super) use self::transaction::CLAIMED;
pub(super) use self::turns::GroupTurns;
