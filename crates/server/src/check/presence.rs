//! Whether the Redis of presence takes those who come.

use std::time::Duration;

use anyhow::anyhow;
use redis::Cmd;
use redis_link::{Error, Link, LinkConfig};

use crate::config::{self, Config, Layout, RedisUrl};
use crate::redis_trial::without_effect;

/// How long the connections have to end; there is nothing to finish.
const GRACE: Duration = Duration::from_secs(1);

/// How many keys are tried in a cluster, so that hardly any master has none of them.
const KEYS: usize = 64;

/// Tries whether Redis takes writes, and makes none.
///
/// A Redis whose memory is full lets a server start and join the others, and then refuses everybody
/// who comes.
pub(super) async fn check(config: &Config, url: &RedisUrl) -> anyhow::Result<()> {
    try_writes(config, url).await.map_err(|error| {
        let why = format!("{error:#}").replace('\n', " ");
        anyhow!("--redis-url: {url} takes no writes: {}", config::hidden_in_error(&why, url.expose()))
    })
}

async fn try_writes(config: &Config, url: &RedisUrl) -> Result<(), Error> {
    let settings = LinkConfig::new(url.expose());
    let settings = settings.timeout(config.redis_timeout).connect_timeout(config.redis_timeout);
    // Boxed, as a start is large and there is one.
    let link = Box::pin(Link::start(settings)).await?;
    let keys = if link.is_cluster() { KEYS } else { 1 };
    let mut tried = Ok(());
    for number in 0..keys {
        let (key, command) = trial(config, number);
        tried = Box::pin(link.query(&key, &command)).await.map(drop).or_else(|error| accepted(config, error));
        if tried.is_err() {
            break;
        }
    }
    // What does not end in time ends by itself.
    link.shutdown(GRACE).await;
    tried
}

/// Returns a write as the layout makes them, but without an effect.
fn trial(config: &Config, number: usize) -> (String, Cmd) {
    let prefix = &config.redis_prefix;
    match config.presence_layout {
        Layout::Leases => {
            let key = format!("{{{prefix}:{number}}}:trial");
            let command = without_effect(&key);
            (key, command)
        }
        Layout::Keyspace => {
            // The key of nobody, for no time: that is refused last, and nobody is notified.
            let key = format!("{prefix}:");
            let mut command = redis::cmd("SETEX");
            command.arg(&key).arg(0).arg("");
            (key, command)
        }
    }
}

/// Takes the answer for a good one that is about the time alone.
fn accepted(config: &Config, error: Error) -> Result<(), Error> {
    let is_about_time = config.presence_layout == Layout::Keyspace && error.code() == Some("ERR");
    if is_about_time { Ok(()) } else { Err(error) }
}
