//! For backends: how a stream reads what happens, in one place.
//!
//! It is public with the feature `tracker`, which semantic versioning does not cover: what stands
//! here may change with any version, as `presence-redis` and its like need it.
//!
//! ```text
//!   Feed: what one stream reads                     stream(feed): the one loop of all streams
//!     turn   some more of a snapshot, or of a log ──► what is ready is given, item by item
//!     news   there may be more to read ─────────────► waited for, once nothing is ready
//!            readers fail, or go on again ──────────► told once for each outage, with `why`
//!     ended  nothing more will come ────────────────► the end, after what there is
//!
//!   LogReader: the Feed of a Log in this process
//!     LogFeed   what is particular to one log: its items, and the listing before them
//!     Log       the latest events, numbered; the oldest go when there are too many, or too large
//! ```
//!
//! A backend whose events lie in its own process has a [`Log`] of them and implements [`LogFeed`].
//! One whose events lie elsewhere implements [`Feed`] itself.

mod log;
mod log_feed;
mod log_reader;
mod logged;
mod outages;
mod stream;

use std::ops::RangeInclusive;

pub use self::log::{Gone, Log};
pub use self::log_feed::{LogFeed, Scanned};
pub use self::log_reader::LogReader;
pub use self::logged::{ID_EVENT_BYTES, Logged, ROOM_EVENT_BYTES};
pub use self::outages::Reading;
pub use self::stream::{Feed, Ready, Turn, stream};

/// How many events a backend keeps, unless it is told another number.
pub const EVENTS_MAX_DEFAULT: usize = 65_536;

/// How many events of one room it keeps, unless it is told another number.
pub const ROOM_EVENTS_MAX_DEFAULT: usize = 1_024;

/// Between what both numbers are.
pub const EVENTS_MAX_BOUNDS: RangeInclusive<usize> = 1..=1 << 24;
