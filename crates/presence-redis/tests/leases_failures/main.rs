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

use presence_core::{Error, ErrorKind, Presence, Status};
use presence_redis::LinkConfig;
use presence_redis::leases::{Config, Leases};
use test_support::{Redis, redis_connection, require};
use tokio::time::Instant;

/// Settings with short times under a prefix of their own.
fn config(url: &str) -> Config {
    config_under(&test_support::unique("failures"), url)
}

/// The same under a prefix that the test has to know.
fn config_under(prefix: &str, url: &str) -> Config {
    Config::new(link(url)).prefix(prefix).ttl(Duration::from_secs(30)).grace(Duration::ZERO)
}

/// A link that finds a Redis that is here on a busy machine, too.
///
/// One that is away is waited for by a few calls: for less than a new epoch waits for those who
/// were there.
fn link(url: &str) -> LinkConfig {
    LinkConfig::new(url).timeout(ANSWER).connect_timeout(ANSWER)
}

/// For one answer of Redis.
const ANSWER: Duration = Duration::from_secs(4);

/// The same settings for who gives up soon.
fn impatient(config: &Config, url: &str) -> Config {
    config.clone().link(link(url).timeout(Duration::from_secs(1)))
}

/// Calls until it works, as in a new epoch of the data.
async fn again<T, F: Future<Output = Result<T, Error>>>(call: impl Fn() -> F) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        match call().await {
            Ok(answer) => return answer,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable),
        }
        assert!(Instant::now() < until, "it goes on");
    }
}

/// Asks for statuses until they are known.
async fn known(presence: &Presence, ids: &[&str]) -> Vec<Status> {
    again(|| async { presence.status(ids.iter().copied()).await.map_err(Error::from) }).await
}

/// Runs `round`, each time with a Redis of its own, until it says that the machine was quick enough
/// for it to prove something: a busy one may take longer than others are waited for.
async fn in_time(mut round: impl AsyncFnMut(&Redis) -> bool) {
    for _ in 0..20 {
        let Some(redis) = require(Redis::private().await) else { return };
        if round(&redis).await {
            return;
        }
    }
    panic!("the machine was too busy, 20 times");
}

/// Starts one more process, as far as Redis can tell.
async fn process(config: &Config) -> Presence {
    Presence::new(Leases::start(config.clone()).await.expect("redis is there"))
}

/// For what must come, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tells a server something as its operator.
async fn tell(redis: &Redis, words: &[&str]) {
    let mut connection = redis_connection(redis.url()).await.expect("redis is there");
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]).exec_async(&mut connection).await.expect("it does as it is told");
}
