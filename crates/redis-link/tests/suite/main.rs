//! The link on real servers of which one hangs, moves or fails over.

#![allow(clippy::unwrap_used, reason = "a test panics where it is broken, also in what its cases share")]

mod cluster;
mod example;
mod one;
mod secrets;
mod sentinel;

use std::time::Duration;

use redis_link::{Error, Link, LinkConfig};
use tokio::time::Instant;

async fn set(link: &Link, key: &str) -> Result<(), Error> {
    let mut command = redis::cmd("SET");
    command.arg(key).arg("x");
    link.query(key, &command).await.map(drop)
}

async fn get(link: &Link, key: &str) -> Result<Option<String>, Error> {
    let mut command = redis::cmd("GET");
    command.arg(key);
    let answer = link.query(key, &command).await?;
    Ok(redis::from_redis_value(answer).unwrap())
}

/// Sets a key until it works, and says how long that took; each try has to end in time.
async fn set_again(link: &Link, key: &str) -> Duration {
    let begun = Instant::now();
    loop {
        let tried = Instant::now();
        let set = set(link, key).await;
        assert!(tried.elapsed() < link.timeout() + SLACK, "a call took {:?}", tried.elapsed());
        match set {
            Ok(()) => return begun.elapsed(),
            Err(error) => assert!(begun.elapsed() < PATIENCE, "it does not come back: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Settings with which a busy machine finds a server that is there.
fn connect(url: &str) -> LinkConfig {
    LinkConfig::new(url).timeout(ANSWER).connect_timeout(ANSWER)
}

/// For one answer of a server.
const ANSWER: Duration = Duration::from_secs(10);

/// For what must come, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a busy machine may add to a bound in time; what hangs does so for good in these tests.
const SLACK: Duration = Duration::from_secs(30);
