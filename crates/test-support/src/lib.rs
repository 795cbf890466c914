//! Private servers for tests: Redis, MongoDB, etcd, nginx, Caddy, and a headless Chromium.
//!
//! Also [`Example`], the example programs of our crates.
//!
//! ```no_run
//! # async fn example() {
//! let Some(redis) = test_support::require(test_support::Redis::start().await) else { return };
//! println!("a fresh, empty Redis answers at {}", redis.url());
//! # }
//! ```
//!
//! A server is ready when `start` returns: it has answered. It listens on a free port of the
//! loopback address, keeps its files in a temporary directory, and is gone when its handle is
//! dropped, also by a panic, and also when the test process is killed. Nothing here panics in
//! `drop`.
//!
//! # Where a server comes from
//!
//! The first of these that there is:
//!
//! 1. an address in the environment: `REDIS_URL`, `MONGODB_URL`, `ETCD_URL`. That server is shared
//!    and kept: a test uses names of its own, see [`unique`];
//! 2. a binary on `PATH` or in `target/servers/bin`, which `cargo xtask setup` fills;
//! 3. a container of `redis:7`, `mongo:6` or `etcd:3.4`, where a Docker engine answers (feature
//!    `containers`, on by default); `cargo xtask images` makes these images without a registry;
//! 4. none: the error's kind is [`ErrorKind::Missing`], its text says `cargo xtask setup`, and
//!    [`require`] decides between skipping and failing.
//!
//! What is started for its failures is a process of ours from a binary, whatever the environment
//! says: [`Redis::private`], [`Redis::with`] options, [`RedisCluster`], [`RedisSentinel`], and the
//! same of MongoDB: [`Mongo::private`], [`Mongo::with`] options, [`MongoSet`], and of etcd:
//! [`Etcd::private`], [`Etcd::with_tls`], [`EtcdCluster`]. So is a [`Proxy`].

mod address;
mod binary;
mod black_hole;
mod certificates;
mod chromium;
#[cfg(feature = "containers")]
mod container;
mod directory;
mod error;
mod etcd;
mod example;
mod mongo;
mod own_files;
mod port;
mod process;
mod proxy;
mod redis;
mod server;
mod skip;
mod unique;

pub use binary::binary;
pub use binary::workspace;
pub use black_hole::black_hole;
pub use chromium::Chromium;
pub use chromium::Page;
pub use chromium::Profile;
pub use chromium::Viewport;
#[cfg(feature = "containers")]
pub use container::engine_answers;
pub use error::Error;
pub use error::ErrorKind;
pub use error::Result;
pub use etcd::Etcd;
pub use etcd::EtcdCluster;
pub use etcd::EtcdValue;
pub use example::Example;
pub use mongo::Mongo;
pub use mongo::MongoGate;
pub use mongo::MongoOptions;
pub use mongo::MongoSet;
pub use own_files::run_with_files;
pub use port::free_port;
pub use proxy::Proxy;
pub use proxy::ProxyPlace;
pub use redis::Redis;
pub use redis::RedisCluster;
pub use redis::RedisMonitor;
pub use redis::RedisOptions;
pub use redis::RedisSentinel;
pub use redis::RedisUser;
pub use redis::redis_connection;
pub use server::Origin;
pub use server::Server;
pub use skip::SKIPPED_FILE;
pub use skip::require;
pub use skip::skip;
pub use unique::unique;
