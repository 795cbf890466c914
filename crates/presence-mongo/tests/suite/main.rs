//! Pingers and watchers on a real MongoDB: the scenarios of the original, and its faults.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod bounds;
mod faults;
mod interop;
mod layout;
mod lifecycle;
mod pruning;
mod roll_call;
mod scale;
mod streams;
#[path = "../support/mod.rs"]
mod support;
mod workflow;
