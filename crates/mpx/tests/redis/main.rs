//! The multiplexer on real servers: faults of its ancestor, failures, panics, delivery, publishing,
//! requests, a cluster, and random histories.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod cluster;
mod delivery;
mod direct;
mod endings;
mod failures;
mod faults;
mod histories;
mod lengths;
mod listener;
mod panics;
mod promises;
mod publishing;
mod refusals;
mod requests;
