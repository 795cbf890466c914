//! The backend in memory: exact, complete, for one process.

mod backend;
mod clock;
mod config;
mod core;
mod entry;
mod log;
mod shard;
mod slab;
mod subscription;
mod sweeper;
mod wheel;

pub use self::backend::Memory;
pub use self::config::Config;
