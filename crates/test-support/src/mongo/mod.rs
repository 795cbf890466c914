//! A private MongoDB: a replica set of one node, or of three.

mod gate;
mod options;
mod server;
mod set;
mod wire;

pub use gate::MongoGate;
pub use options::MongoOptions;
pub use server::Mongo;
pub use set::MongoSet;
