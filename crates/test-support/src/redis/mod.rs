//! Private Redis: one server, a cluster, a master under sentinels.

mod cluster;
mod command;
mod connection;
mod monitor;
mod options;
mod patience;
mod sentinel;
mod server;
mod wire;

pub use cluster::RedisCluster;
pub use connection::redis_connection;
pub use monitor::RedisMonitor;
pub use options::RedisOptions;
pub use options::RedisUser;
pub use sentinel::RedisSentinel;
pub use server::Redis;
