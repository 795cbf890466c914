//! What becomes of pingers and watchers while MongoDB fails.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod late;
mod outages;
mod partitions;
mod refusals;
mod sets;
#[path = "../support/mod.rs"]
mod support;
