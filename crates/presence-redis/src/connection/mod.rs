//! Ways to a Redis: one server, a master that sentinels name, or the masters of a cluster.

mod address;
mod config;
mod failure;
mod link;

pub use self::config::Connect;
pub(crate) use self::failure::{refusal, unavailable};
pub(crate) use self::link::Link;
