//! Presence on Redis.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs)]

mod connection;
pub mod keyspace;
pub mod leases;
mod random;

pub use crate::connection::Connect;
pub use crate::keyspace::Keyspace;
pub use crate::leases::Leases;
