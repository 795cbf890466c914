//! The multiplexer on real servers: faults of its ancestor, failures, delivery, and a cluster.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod cluster;
mod delivery;
mod failures;
mod faults;
mod listener;
mod publisher;
