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

use presence_core::{ErrorKind, Presence, Status};
use presence_redis::leases::{Config, Leases};
use test_support::redis_connection;
use tokio::time::Instant;

/// Settings with short times under a prefix of their own.
fn config(url: &str) -> Config {
    let mut config = Config::new(url);
    config.prefix = test_support::unique("failures");
    (config.ttl, config.grace) = (Duration::from_secs(30), Duration::ZERO);
    // A Redis that is here is found to be so by a busy machine, too, and one that is away is waited
    // for by a few calls. Less than a new life waits for those who were there.
    (config.connect.timeout, config.connect.connect_timeout) = (ANSWER, ANSWER);
    config
}

/// For one answer of Redis.
const ANSWER: Duration = Duration::from_secs(4);

/// The same settings for who gives up soon.
fn impatient(config: &Config) -> Config {
    let mut config = config.clone();
    config.connect.timeout = Duration::from_secs(1);
    config
}

/// Asks for statuses until they are known, as in a new life of the data.
async fn known(presence: &Presence, ids: &[&str]) -> Vec<Status> {
    let until = Instant::now() + PATIENCE;
    loop {
        match presence.status(ids.iter().copied()).await {
            Ok(statuses) => return statuses,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable),
        }
        assert!(Instant::now() < until, "they are not known at last");
    }
}

/// Starts one more process, as far as Redis can tell.
async fn process(config: &Config) -> Presence {
    Presence::new(Leases::start(config).await.expect("redis is there"))
}

/// For what must come, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tells a server something as its operator.
async fn tell(redis: &test_support::Redis, words: &[&str]) {
    let mut connection = redis_connection(redis.url()).await.expect("redis is there");
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]).exec_async(&mut connection).await.expect("it does as it is told");
}
