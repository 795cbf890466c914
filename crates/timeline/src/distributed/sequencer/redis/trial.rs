//! A trial of Redis, as a check makes it.

use std::time::Duration;

use redis_link::Link;

use super::script::{self, Move, TAGS};
use super::version;
use crate::Result;
use crate::distributed::config::Config;

/// How long the connections have to end; there is nothing to finish.
const GRACE: Duration = Duration::from_secs(1);

/// Tries whether the Redis of a store gives out sequences, and changes nothing.
///
/// # Errors
///
/// [`Config`](crate::ErrorKind::Config) if it is too old or refuses the login;
/// [`Unavailable`](crate::ErrorKind::Unavailable) if it is away or takes no writes.
pub(in crate::distributed) async fn try_redis(config: &Config) -> Result<()> {
    let Some(url) = &config.redis else { return Ok(()) };
    // Boxed, as a start is large and there is one.
    let link = Box::pin(Link::start(super::link_settings(config, url))).await.map_err(script::of_link)?;
    let tried = try_script(&link, config).await;
    // What does not end in time ends by itself.
    link.shutdown(GRACE).await;
    tried
}

/// Runs the script on each server, without a counter that it would move.
async fn try_script(link: &Link, config: &Config) -> Result<()> {
    version::check(link, config.redis_version_min).await?;
    let tags = if link.is_cluster() { TAGS } else { 1 };
    for tag in 0..tags {
        // A server that refuses writes refuses the script as a whole, also where it has none.
        let probed = Move { key: script::probe_key(&config.redis_prefix, tag), count: 0, least: None };
        script::run(link, &[probed], 0).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use test_support::{Redis, require};

    use super::*;
    use crate::ErrorKind;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_check_refuses_a_redis_that_is_too_old() {
        let Some(redis) = require(Redis::start().await) else { return };
        let mut config = Config::new("mongodb://localhost").redis(redis.url());
        try_redis(&config).await.unwrap();
        config.redis_version_min = 1_000;
        let refused = try_redis(&config).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Config);
        assert!(refused.to_string().contains("need 1000.0 or later"), "{refused}");
    }
}
