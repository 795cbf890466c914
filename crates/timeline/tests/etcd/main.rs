//! Registration and resolution in real etcds, of which some are frozen, killed or locked.
//!
//! No store is opened here on disk; the program `suite` says why.

#![expect(clippy::unwrap_used, reason = "a failed call fails the test")]

mod login;
mod nodes;
mod outages;
mod registration;
mod scene;
