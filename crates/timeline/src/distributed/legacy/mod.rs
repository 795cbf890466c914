//! The data of the Go service: what of it a store can take over as it is.
//!
//! The Go service had no index on box and sequence, so its data may have two documents for one
//! sequence, and sequences without a document. A store closes old holes by itself when they are
//! read. Duplicates keep it from making its index: [`check`] lists them, [`repair`] moves them
//! aside. Both read each collection whole, and neither may run beside the Go service.

mod check;
mod repair;
mod scan;

pub use self::check::{CheckReport, Duplicate, Hole, check};
pub use self::repair::{Repaired, repair};
