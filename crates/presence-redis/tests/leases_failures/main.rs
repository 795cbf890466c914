//! What the leases layout does when Redis, the network or a process fails.

#![allow(clippy::unwrap_used, reason = "a test panics where it is broken, also in what its cases share")]

mod follower;
mod hangs;
mod laws;
mod memory;
mod moves;
mod newcomers;
mod processes;
mod refusals;
mod restarts;
mod rooms;
mod wire;

use std::time::Duration;

use presence_core::Presence;
use presence_redis::leases::{Config, Leases};
use test_support::redis_connection;

/// Settings with short times under a prefix of their own.
fn config(url: &str) -> Config {
    config_under(&test_support::unique("failures"), url)
}

/// The same under a prefix that the test has to know.
fn config_under(prefix: &str, url: &str) -> Config {
    Config::new(url).prefix(prefix).ttl(Duration::from_secs(30)).grace(Duration::ZERO)
}

/// Starts one more process, as far as Redis can tell.
async fn process(config: &Config) -> Presence {
    Presence::new(Leases::start(config.clone()).await.expect("redis is there"))
}

/// For what must come, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tells a server something as its operator.
async fn tell(redis: &test_support::Redis, words: &[&str]) {
    let mut connection = redis_connection(redis.url()).await.expect("redis is there");
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]).exec_async(&mut connection).await.expect("it does as it is told");
}
