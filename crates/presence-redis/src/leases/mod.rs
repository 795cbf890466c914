//! The leases layout: heartbeats stay in the process, Redis hears of transitions.

mod backend;
mod config;
mod core;
mod entry;
mod follower;
mod keys;
mod ledger;
mod log;
mod mail;
mod outbox;
mod reader;
mod recovery;
mod scripts;
mod shard;
mod snapshot;
mod subscription;
mod tail;
mod writer;

pub use self::backend::Leases;
pub use self::config::Config;
