//! Presence on Redis: who is online, across many processes.
//!
//! Two layouts of the data, both behind the trait of `presence-core`:
//!
//! | layout | heartbeat | offline event of a silent id | across restarts of Redis | for |
//! |---|---|---|---|---|
//! | [`Leases`] | local, no command | tens of milliseconds after its deadline, exactly once | resynchronised, with a notice | everything new; standalone, Sentinel and Cluster |
//! | [`Keyspace`] | one command per id | when Redis gets round to it; lost if nobody listens | missed events are a notice | running beside processes of the Go package, while migrating; not Cluster |
//!
//! ```no_run
//! use presence_core::{Presence, Since};
//! use presence_redis::leases::{Config, Leases};
//!
//! # async fn example() -> Result<(), presence_core::Error> {
//! let presence = Presence::new(Leases::start(Config::new("redis://127.0.0.1:6379")).await?);
//! presence.hold_device("alice", "connection 7").await?;
//! let mut events = presence.events(Since::Snapshot).await?;
//! while let Some(update) = events.next().await {
//!     println!("{:?}", update?);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The program `examples/worker.rs` goes on after a restart where it was.
//!
//! `Leases` also keeps rooms: who is in a channel, and what they show. See
//! [`presence_core::rooms`].
//!
//! TLS, users and passwords, sentinels and clusters are part of the address: see [`LinkConfig`] for
//! its forms, and below for the features that some of them need.
//!
//! The connections are those of `redis-link`: made by tasks of their own, so that one server that
//! hangs takes nobody else along.
//!
//! # Features
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `cluster` | Redis Cluster | no |
//! | `sentinel` | the master that sentinels name | no |
//! | `tls` | addresses that begin with `rediss`; compiles rustls and aws-lc-rs | no |
//!
//! An address that needs a feature which is off is refused with a sentence that names the feature.
//!
//! Third-party types in this interface: none but those of `presence-core`, and [`LinkConfig`] of
//! `redis-link`. The client is redis-rs.
#![doc = include_str!("../docs/coming-from.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs, clippy::must_use_candidate)]

mod connection;
mod kept;
pub mod keyspace;
pub mod leases;
mod policy;
mod random;
mod state_log;
mod version;

pub use crate::keyspace::Keyspace;
pub use crate::leases::Leases;
pub use redis_link::LinkConfig;
