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
mod changes_service;
mod contiguous;
mod conversations_service;
mod cursors_service;
mod deletions_service;
mod directory;
mod doors;
mod embedded;
mod entries;
mod events;
mod faults;
mod field_numbers;
mod groups_service;
mod grpc;
mod histories_service;
mod http;
mod memory;
mod missing;
mod mocked;
mod readable;
mod recipients;
mod salvage;
mod served;
mod unread;
mod upgrade;
mod watching;
mod watching_service;
