//! Integration tests: our crates together, and real servers.

mod containers;
mod page;
mod server;
mod servers;
