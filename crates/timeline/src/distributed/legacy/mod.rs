//! The data of the Go service: what of it a store can take over as it is.
//!
//! The Go service had no index on box and sequence, so its data may have two documents for one
//! sequence, and sequences without a document. A store closes old holes by itself when they are
//! read. Duplicates keep it from making its index, and so do two documents of a box without a
//! sequence: [`check`] lists them, [`repair`] moves them aside.
//!
//! It had no lists of conversations either. [`repair`] enters the pairs into those of their
//! members, so it is good to run it once where there are no duplicates. Nothing says who is in a
//! group: that is in the lists of its members from its next message on.
//!
//! Nor does anything say which copies an entry has: it cannot be edited or taken back, and a purge
//! of its history leaves them in the inboxes, with their texts, until these are acknowledged.
//!
//! Both read each collection whole, and neither may run beside the Go service.

mod check;
mod repair;
mod scan;
mod takeover;

pub use self::check::{CheckReport, Duplicate, Hole, check};
pub use self::repair::{Repaired, repair};
