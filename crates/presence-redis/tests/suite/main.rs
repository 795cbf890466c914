//! The keyspace layout, what the leases layout sends, and the example.
//!
//! The laws of the leases layout and its failures are programs of their own: they wait long, and
//! programs run side by side.

#![allow(clippy::unwrap_used, reason = "a test panics where it is broken, also in what its cases share")]

mod example_worker;
mod keyspace;
mod leases_commands;
