//! For backends: what one process keeps online, and until when.
//!
//! It is public with the feature `tracker`, which semantic versioning does not cover: what stands
//! here may change with any version, as `presence-redis` and its like need it.
//!
//! ```text
//! beat(names) ──► stripe of each name: one lock ──► entry: deadline written, nothing else      (a heartbeat)
//!                   index: name → entry        └──► Ledger::record, still under the lock      (an arrival)
//!                   timer wheel: when to look
//!                        ▲
//!                  sweep, every 10 ms ──────────► Ledger::record, still under the lock      (a departure)
//! ```
//!
//! [`Tracker`] knows devices, deadlines and grace times, and decides when a name comes and goes *in
//! this process*. What that means to the world is up to a [`Ledger`]: the backend in memory appends
//! an event, one with a store writes it down there. A heartbeat of who is online touches nothing
//! but its own entry.
//!
//! # Settling
//!
//! A ledger that needs a while to write an arrival down leaves it *unsettled*, and settles it when
//! it is done. Heartbeats say which of their names are unsettled, so that a caller can be told
//! "online" no earlier than it is true. To a ledger whose store lost its memory,
//! [`Tracker::unsettle`] gives that state back.
//!
//! # Tasks
//!
//! [`keep_running`] is for the tasks of a backend: what depends on one must not wait for ever, and
//! the state must not say "well", because a task has panicked.

mod batch;
mod bounds;
mod clock;
mod groups;
mod index;
mod keep_running;
mod ledger;
mod name;
mod outcome;
mod slab;
mod stripe;
mod sweeper;
mod table;
#[cfg(test)]
mod tests;
mod timing;
mod tracked_name;
mod wheel;

use std::ops::RangeInclusive;

pub use self::bounds::within;
pub use self::clock::{Clock, Millis};
pub use self::keep_running::keep_running;
pub use self::ledger::{Ledger, Transition};
pub use self::name::Name;
pub use self::outcome::{Beat, EndedDevice, OnlineName};
pub use self::table::Tracker;
pub use self::timing::Timing;

pub(crate) use self::clock::{millis, wall_now};
pub(crate) use self::groups::Groups;
pub(crate) use self::index::Index;
#[cfg(test)]
pub(crate) use self::keep_running::told;
pub(crate) use self::name::{HashedName, sealed};
pub(crate) use self::slab::{Linked, Links, Slab, SlabSlot};
pub(crate) use self::wheel::Wheel;

/// Into how many parts, each with its own lock, names are split.
pub const STRIPES: usize = 32;

/// About how many offline names a backend remembers, unless it is told a number.
pub const REMEMBERED_MAX_DEFAULT: usize = 131_072;

/// Between what that number is where a store keeps them.
pub const REMEMBERED_MAX_BOUNDS: RangeInclusive<usize> = 0..=1 << 24;

/// How late a departure may be on an idle machine.
///
/// It is the interval at which deadlines are looked at.
pub const LATENESS: std::time::Duration = std::time::Duration::from_millis(10);
