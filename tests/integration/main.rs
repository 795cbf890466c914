//! Integration tests: our crates together, and real servers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on is to fail there")]

mod access;
mod containers;
mod databases;
mod front;
mod handshake;
mod issuer;
mod logins;
mod looks;
mod openapi;
mod original;
mod page;
mod server;
mod servers;
