//! A self-healing connection to one Redis, a Sentinel set or a cluster.
//!
//! With sentinels it goes to the master that they name, with a cluster to its masters.
//!
//! ```no_run
//! use redis_link::{LinkConfig, Link};
//!
//! # async fn example() -> Result<(), redis_link::Error> {
//! let link = Link::start(LinkConfig::new("redis-cluster://10.0.0.1:6379,10.0.0.2:6379")).await?;
//! let mut command = redis::cmd("SET");
//! command.arg("greeting").arg("hello");
//! link.query("greeting", &command).await?;
//! # Ok(())
//! # }
//! ```
//!
//! The program `examples/counter.rs` counts in whatever Redis its address leads to, and goes on
//! after an outage or a failover.
//!
//! # One of several that hangs
//!
//! A machine that is frozen, or cut off without a word, answers nothing and refuses nothing:
//! whoever waits for it waits to the end of his time. So that it takes nobody else along:
//!
//! - **Connections are made by tasks, not by calls**, one for each server. A call takes the
//!   connection there is, waits for the first attempt after a loss, or fails at once with what the
//!   last attempt said.
//! - **Those who know something are asked side by side**: all sentinels, several nodes of a
//!   cluster. Who answers first is not held up by who does not answer at all, nor by the order of
//!   the address.
//! - **Each has a bound of its own, inside the bound of the whole**: once one of several has
//!   answered the others have 0.1 s more, and asking the sentinels takes at most half of
//!   [`LinkConfig::connect_timeout`], so that the master is connected to in the rest.
//! - **What was learnt is kept**: masters and slots, and sentinels and nodes that the address does
//!   not name. A map that cannot be asked for anew goes on to be used: calls to masters that are
//!   well do not notice.
//! - **Of several accounts the latest counts**: the map with the highest epoch of the cluster; the
//!   master that most sentinels name and that says itself that it is one. A server that wakes up
//!   and believes that it is still master has no say. A cluster that was built anew may have lower
//!   epochs than before, on other addresses or on some of the same ones. Its map counts once no
//!   known master is connected to, or once all that are have said for a second that they do not
//!   know the map with the higher epoch.
//!
//! # What a call does
//!
//! | the server | the call |
//! |---|---|
//! | answers | returns |
//! | says that the slot moved, or is moving | goes where it points, at once |
//! | says `TRYAGAIN` or `CLUSTERDOWN` | waits for the new map and is sent again, within [`LinkConfig::timeout`] |
//! | is away, or is lost meanwhile | fails: whether it was heard is open, and it is for the caller to say it again |
//! | does not answer in time | fails, and the next calls get a new connection |
//! | says that it is a replica | fails, and the master is looked for |
//!
//! A cluster's map is asked for anew when a call doubts it, every 0.2 s while a master is away, and
//! every 10 s in any case; the sentinels every 5 s. So a failover that Redis has made is followed
//! within about half a second.
//!
//! # Features
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `cluster` | addresses of clusters, and single addresses whose server turns out to be of one | no |
//! | `sentinel` | addresses of sentinels | no |
//! | `tls` | addresses that begin with `rediss`; compiles rustls and aws-lc-rs | no |
//!
//! An address that needs a feature which is off is refused with a sentence that names the feature.
//!
//! # Shutdown
//!
//! [`Link::shutdown`] refuses further calls, waits for those that are under way and ends the tasks.
//! Dropping the last clone of a [`Link`] ends its tasks and connections without waiting.
//!
//! Third-party types in this interface: [`redis::Cmd`], [`redis::Pipeline`], [`redis::Value`],
//! [`redis::Client`], [`redis::RedisError`] and [`redis::aio::MultiplexedConnection`].
//!
//! # Coming from redigo and its pools
//!
//! No ancestor had this crate. Presence for Go used a pool of redigo connections, go-mpx a function
//! that made one, and go-timeline a client of one address:
//!
//! | there | here |
//! |---|---|
//! | a pool: 3 idle connections, 1,000 active ones | one connection to each server, on which calls are pipelined |
//! | `PING` whenever a connection is borrowed | none: a task makes a lost connection again |
//! | connect 1 s, read 5 s, write 1 s | [`LinkConfig::connect_timeout`], [`LinkConfig::timeout`] |
//! | presence: begins also where no Redis answers | [`Link::start`] fails |
//! | one server; keys on several fail with `CROSSSLOT` | clusters and sentinels, by the features of these names |

#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(all(feature = "cluster", feature = "sentinel")),
    allow(dead_code, reason = "clusters and sentinels use the rest")
)]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs, clippy::must_use_candidate)]

mod address;
mod caught;
#[cfg_attr(not(feature = "cluster"), path = "no_cluster.rs")]
mod cluster;
mod config;
mod connect;
mod connection_count;
#[cfg(feature = "cluster")]
mod denial;
mod error;
mod features;
mod link;
mod node;
mod request;
#[cfg_attr(not(feature = "sentinel"), path = "no_sentinel.rs")]
mod sentinel;
#[cfg(feature = "cluster")]
mod slots;
mod stragglers;
mod tasks;
mod used;

pub use crate::address::Address;
pub use crate::config::LinkConfig;
pub use crate::error::{Error, ErrorKind};
pub use crate::link::Link;
