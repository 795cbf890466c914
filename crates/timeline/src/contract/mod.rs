//! The laws that every [`Store`](crate::Store) obeys, as tests.
//!
//! They need the feature `contract`. A store's tests implement [`World`] and call
//! [`store_contract!`](crate::store_contract) with an expression that makes one; each law becomes a
//! test of its own, on a place of its own. A law panics when it is broken.
#![allow(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a broken law panics: that is what these are for"
)]

mod acknowledgements;
mod batches;
mod calls;
mod change_races;
mod changes;
mod conversations;
mod cursors;
mod group_histories;
mod groups;
mod members;
mod observers;
mod pages;
mod purges;
mod received;
mod repetitions;
mod retention;
mod sends;
mod states;
mod store_contract;
mod times;
mod unread;
mod watching;
mod world;

pub use self::acknowledgements::*;
pub use self::batches::*;
pub use self::change_races::*;
pub use self::changes::*;
pub use self::conversations::*;
pub use self::cursors::*;
pub use self::group_histories::*;
pub use self::groups::*;
pub use self::members::*;
pub use self::observers::*;
pub use self::pages::*;
pub use self::purges::*;
pub use self::received::*;
pub use self::repetitions::*;
pub use self::retention::*;
pub use self::sends::*;
pub use self::states::*;
pub use self::times::*;
pub use self::unread::*;
pub use self::watching::*;
pub use self::world::World;
pub use crate::clock::set_clock_ahead;
