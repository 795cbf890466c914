//! The timeline through its public interface: the embedded store, its services over HTTP and gRPC,
//! and damage.
//!
//! No test here starts a process. Until it runs its program, a new process holds the locks of all
//! stores that are open here, and a store that is closed meanwhile could not be opened again.

#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

mod acks;
mod batches;
mod bodies;
mod callers;
mod contiguous;
mod directory;
mod doors;
mod embedded;
mod entries;
mod events;
mod groups_service;
mod grpc;
mod http;
mod memory;
mod missing;
mod model;
mod readable;
mod recipients;
mod salvage;
mod served;
mod unread;
mod upgrade;
mod watching;
mod watching_service;
