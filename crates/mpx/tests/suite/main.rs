//! The multiplexer on real servers: faults of its ancestor, failures, panics, delivery, publishing,
//! requests, a cluster, random histories, and the example. The parser needs no server.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod cluster;
mod delivery;
mod direct;
mod endings;
mod failures;
mod faults;
mod histories;
mod lengths;
mod line_server;
mod listener;
mod panics;
mod promises;
mod protocol;
mod publishing;
mod refusals;
mod requests;
