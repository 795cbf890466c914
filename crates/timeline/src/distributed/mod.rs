//! A store on MongoDB, for any number of equal nodes, with or without Redis.
//!
//! Entries live in MongoDB, where a unique index on box and sequence is the judge of every dispute.
//! Sequences come from Redis, one script for all boxes of a batch; without it, or while it is away,
//! from the index itself.
//!
//! ```text
//!  send ──► sequences of all boxes     Redis, or the last entry + 1
//!       ──► intent                     what to finish if this node dies
//!       ──► history entry              with the list of its copies
//!       ──► copies                     one per inbox
//!       ──► answer, and the other nodes are told
//! ```

mod ack;
mod box_id;
mod changes;
mod clock;
mod config;
mod database;
mod documents;
mod entry_id;
mod finisher;
mod forget;
mod groups;
mod intents;
mod keeper;
mod kept;
mod legacy;
mod lists;
mod node_id;
mod opening;
mod probe;
mod read;
mod received;
mod requirements;
mod rows;
mod send;
mod sequencer;
mod shared;
mod store;
mod telling;
mod tops;

pub use self::config::Config;
pub use self::legacy::{CheckReport, Duplicate, Hole, Repaired, check, repair};
#[cfg(feature = "redis")]
pub use self::probe::probe_redis;
pub use self::probe::{Probe, probe};
pub use self::store::DistributedStore;

/// The most members that a group may have here: a send is one copy for each.
pub const GROUP_MEMBERS_MAX: usize = 5_000;
