//! A private MongoDB: a replica set of one node.

mod server;
mod wire;

pub use server::Mongo;
