//! The timeline through its public interface: the embedded store, its services over HTTP and gRPC,
//! and damage.
//!
//! Nothing here starts a process: that would have, until it runs its program, the locks of the
//! stores that are open, and a store that was closed could not be opened again.

#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

mod contiguous;
mod directory;
mod embedded;
mod entries;
mod grpc;
mod http;
mod missing;
mod readable;
mod recipients;
mod salvage;
mod served;
mod unread;
mod upgrade;
