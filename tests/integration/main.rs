//! Integration tests: our crates together, and real servers.
