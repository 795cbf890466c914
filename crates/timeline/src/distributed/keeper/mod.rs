//! What keeps a store small: retention, and the removal of what nobody can read.
//!
//! ```text
//!  send, change ──► grown   too many entries ──► the floor rises at once
//!                           kept for a time  ──► the box is in the registry
//!  ack, purge   ──► freed                    ──► the box is in the registry
//!  a new keeper ──► census  too many entries, or kept for a time ──► the box is in the registry
//!
//!  keeper, one node at a time ──► boxes that are due, by the clock of MongoDB
//!                                  too many, too old ──► the floor rises
//!                                  below the floor for 10 minutes ──► removed
//! ```
//!
//! In each round a node also looks whether the indexes are still there, also one that is not the
//! keeper, and makes them again if somebody has dropped them.
//!
//! What lies below a floor stays for that time, so that a writer which was late meets the entry
//! that has its place, and a reader never passes a place that is filled later.
//!
//! The lease of the keeper only saves work. All that it does may be done by several nodes, and by
//! one that stood still meanwhile: floors only rise, and what was old is old for ever.

mod census;
mod guard;
mod keep;
mod lease;
mod looks;
mod pruner;
mod registry;
mod retention;
mod rounds;
mod upkeep;

pub(super) use self::keep::of_retention;
pub(super) use self::registry::{enter, freed};
pub(super) use self::retention::{all_grown, grown};
pub(super) use self::rounds::run;
pub(super) use self::upkeep::Upkeep;
