//! Presence in the keys and notifications of the Go package.

mod auditor;
mod backend;
mod config;
mod core;
mod feed;
mod held;
mod keeper;
mod keys;
mod listener;
mod log;
mod mirror;
mod notifications;
mod remembered;
mod session;
mod store;
mod subscription;
mod wire;

pub use self::backend::Keyspace;
pub use self::config::{Config, Notifications};
