//! What starts other processes: full disks and other limits, and the examples.
//!
//! Stores are opened in those processes alone; the program `suite` says why.

#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

mod conversations;
mod full;
mod timeline_in_axum;
mod two_nodes;
