//! What becomes of sends and readers while nodes and databases fail.
//!
//! Each test has servers of its own, as it disturbs them.

mod away;
mod commands;
mod counters;
mod cursors;
mod dead_nodes;
mod dropped;
mod failovers;
mod frozen;
mod holes;
mod mortal;
mod order;
mod primaries;
mod races;
mod redis_cluster;
mod repeated;
mod returns;
mod scene;
mod secondaries;
mod slow;
mod unreadable;
