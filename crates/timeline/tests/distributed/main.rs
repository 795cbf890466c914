//! The store on MongoDB, with Redis and without, through its public interface.
//!
//! All tests share one MongoDB and one Redis; each has a database and a prefix of its own.

#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

mod across_nodes;
mod contract;
mod failures;
mod foreign_documents;
mod legacy;
mod members;
mod migration;
mod place;
mod probe;
