//! The revocations that all servers on one Redis share.
//!
//! | name | what |
//! |---|---|
//! | key `{P:revocations}` | a sorted set; its members are texts of revocations, its scores the times in Unix ms from which on each may be forgotten |
//! | channel `{P:revoked}` | each new member, when it is written |
//!
//! `P` is the prefix of the keys. They begin with a brace, so that none is that of a user in the
//! layout `keyspace`. Commands write both; servers write what Redis has lost, and remove what is
//! over.

use std::fmt::Display;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, anyhow, bail};
use redis::{ConnectionAddr, ConnectionInfo, Pipeline};
use redis_link::{Link, LinkConfig};
use tidings::identity::{Revocation, RevocationsConfig};
use tidings::mpx::{self, ChannelSubscription, Events, Multiplexer};
use tokio::time::timeout;

use crate::clock;
use crate::config::{self, Config, RedisUrl};
use crate::redis_trial::without_effect;

/// How many entries one command reads or writes.
const TOGETHER: usize = 1_000;

/// A list beyond this is not read to its end. Redis may give one entry several times while the set
/// grows.
const ENTRIES_MAX: usize = 2 * RevocationsConfig::ENTRIES_MAX_DEFAULT;

/// How long an entry stays after it is over, as the clocks of servers differ.
const OVER_FOR: Duration = Duration::from_secs(60);

/// How long a message of the channel may be; a longer one ends the connection.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// How soon a connection that says nothing is doubted, at least.
const SILENCE: Duration = Duration::from_secs(1);

/// The list on one Redis, of which it may be a cluster or a set with sentinels.
pub(super) struct RedisList {
    link: Link,
    key: String,
    channel: String,
}

/// What Redis has.
#[derive(Debug, Default)]
pub(super) struct RedisEntries {
    pub(super) entries: Vec<Revocation>,
    /// Whether there are entries that can be removed.
    pub(super) is_over: bool,
    /// How many members are no revocations.
    pub(super) strange: usize,
}

/// A subscription that Redis has confirmed.
pub(super) struct Hearing {
    pub(super) events: Events,
    /// The server that is listened to, as the link names it.
    server: String,
    _channels: ChannelSubscription,
    /// Its drop ends the connection.
    _multiplexer: Multiplexer,
}

impl RedisList {
    /// Connects, or says in one line why that is not possible.
    pub(super) async fn connect(config: &Config, url: &RedisUrl) -> anyhow::Result<Self> {
        let link = LinkConfig::new(url.expose());
        let link = link.timeout(config.redis_timeout).connect_timeout(config.redis_timeout);
        let link = Box::pin(Link::start(link)).await.map_err(|error| unusable(url, &error))?;
        let prefix = &config.redis_prefix;
        let (key, channel) = (format!("{{{prefix}:revocations}}"), format!("{{{prefix}:revoked}}"));
        Ok(Self { link, key, channel })
    }

    /// Reads all entries, a part at a time.
    pub(super) async fn read(&self, now: SystemTime) -> anyhow::Result<RedisEntries> {
        let (mut snapshot, mut cursor) = (RedisEntries::default(), 0_u64);
        loop {
            let mut command = redis::cmd("ZSCAN");
            command.arg(&self.key).arg(cursor).arg("COUNT").arg(TOGETHER);
            let answer =
                Box::pin(self.link.query(&self.key, &command)).await.map_err(|error| told(&error))?;
            // Each member is followed by its score, which is in its text, too.
            let (next, members): (u64, Vec<Vec<u8>>) = redis::from_redis_value(answer)
                .with_context(|| format!("the key {} in redis holds no revocations", self.key))?;
            for member in members.iter().step_by(2) {
                snapshot.add(member, now);
            }
            if snapshot.entries.len() > ENTRIES_MAX {
                bail!("the key {} in redis has more than {ENTRIES_MAX} revocations", self.key);
            }
            cursor = next;
            if cursor == 0 {
                return Ok(snapshot);
            }
        }
    }

    /// Writes entries that are not there.
    pub(super) async fn write(&self, entries: &[Revocation]) -> anyhow::Result<()> {
        for part in entries.chunks(TOGETHER) {
            let mut pipeline = redis::pipe();
            self.add(&mut pipeline, part);
            Box::pin(self.link.pipeline(&self.key, &pipeline)).await.map_err(|error| told(&error))?;
        }
        Ok(())
    }

    /// Writes an entry. If Redis does not answer, it may be written.
    pub(super) async fn put(&self, entry: &Revocation) -> Result<(), redis_link::Error> {
        let mut command = redis::cmd("ZADD");
        command.arg(&self.key).arg("GT").arg(clock::unix_ms(entry.until())).arg(entry.to_string());
        Box::pin(self.link.query(&self.key, &command)).await.map(drop)
    }

    /// Tries whether an entry could be written, and writes none.
    pub(super) async fn try_write(&self) -> anyhow::Result<()> {
        Box::pin(self.link.query(&self.key, &without_effect(&self.key)))
            .await
            .map(drop)
            .map_err(|error| told(&error))
    }

    /// Tells every server that listens of an entry, and returns how many there are.
    pub(super) async fn publish(&self, entry: &Revocation) -> anyhow::Result<usize> {
        let mut command = redis::cmd("PUBLISH");
        command.arg(&self.channel).arg(entry.to_string());
        // To the server of the key, to which all others listen as well.
        let answer = Box::pin(self.link.query(&self.key, &command)).await.map_err(|error| told(&error))?;
        redis::from_redis_value(answer).context("redis sent an answer that cannot be read")
    }

    /// Removes entries that others have made needless.
    pub(super) async fn remove(&self, entries: &[Revocation]) -> anyhow::Result<()> {
        for part in entries.chunks(TOGETHER) {
            let mut command = redis::cmd("ZREM");
            command.arg(&self.key);
            for entry in part {
                command.arg(entry.to_string());
            }
            Box::pin(self.link.query(&self.key, &command)).await.map_err(|error| told(&error))?;
        }
        Ok(())
    }

    /// Adds the command that writes entries. One that is there keeps the later end.
    fn add(&self, pipeline: &mut Pipeline, entries: &[Revocation]) {
        pipeline.cmd("ZADD").arg(&self.key).arg("GT");
        for entry in entries {
            pipeline.arg(clock::unix_ms(entry.until())).arg(entry.to_string());
        }
    }

    /// Removes what is over.
    pub(super) async fn remove_over(&self, now: SystemTime) -> anyhow::Result<()> {
        let mut command = redis::cmd("ZREMRANGEBYSCORE");
        let before = clock::unix_ms(now - OVER_FOR);
        command.arg(&self.key).arg("-inf").arg(before);
        Box::pin(self.link.query(&self.key, &command)).await.map(drop).map_err(|error| told(&error))
    }

    /// Subscribes; what is written from then on is heard.
    pub(super) async fn subscribe(&self) -> anyhow::Result<Hearing> {
        let (server, info) = self.place().await?;
        // A server that hangs is noticed after twice this time.
        let settings = mpx::Config::from_info(info)
            .ping_timeout(self.link.timeout().max(SILENCE))
            .connect_timeout(self.link.connect_timeout())
            .message_max(MESSAGE_BYTES_MAX);
        let multiplexer = Multiplexer::start(settings).map_err(|error| told(&error))?;
        let (channels, events) = multiplexer.channels().map_err(|error| told(&error))?;
        channels.add(&self.channel).map_err(|error| told(&error))?;
        let limit = self.link.connect_timeout() + self.link.timeout();
        match timeout(limit, channels.wait_for_activation(&self.channel)).await {
            Ok(Ok(())) => Ok(Hearing { events, server, _channels: channels, _multiplexer: multiplexer }),
            Ok(Err(error)) => bail!("the channel {} cannot be subscribed to: {error:#}", self.channel),
            Err(_) => {
                let why = multiplexer.error().map(|error| format!(": {error:#}")).unwrap_or_default();
                bail!("redis did not confirm the subscription to {} within {limit:?}{why}", self.channel)
            }
        }
    }

    /// Whether what is listened to is still the server that others write to, after a failover.
    pub(super) fn is_there(&self, hearing: &Hearing) -> bool {
        hearing.server == self.link.server(&self.key)
    }

    /// The server that has the key.
    ///
    /// In a cluster all hear what is published on one, but one of them may be cut off. Whoever
    /// revokes something has to reach this one.
    async fn place(&self) -> anyhow::Result<(String, ConnectionInfo)> {
        let client = self.link.client().await.map_err(|error| told(&error))?;
        // After the client, for which the master of a set with sentinels has to be known.
        let server = self.link.server(&self.key);
        let info = client.get_connection_info().clone();
        if !self.link.is_cluster() {
            return Ok((server, info));
        }
        let place = server.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let (host, port) = place.with_context(|| format!("{server} is no server of a cluster"))?;
        let host = host.to_owned();
        let address = match info.addr().clone() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
                ConnectionAddr::TcpTls { host, port, insecure, tls_params }
            }
            _ => ConnectionAddr::Tcp(host, port),
        };
        Ok((server, info.set_addr(address)))
    }
}

impl RedisEntries {
    fn add(&mut self, member: &[u8], now: SystemTime) {
        match str::from_utf8(member).ok().and_then(|text| text.parse::<Revocation>().ok()) {
            // Those that are over must not fill the list, or nobody would come to remove them.
            Some(entry) if entry.until() + OVER_FOR < now => self.is_over = true,
            Some(entry) => self.entries.push(entry),
            None => self.strange += 1,
        }
    }
}

/// An error about the Redis of the configuration, without its password.
pub(super) fn unusable(url: &RedisUrl, error: &impl Display) -> anyhow::Error {
    let why = format!("{error:#}").replace('\n', " ");
    anyhow!(
        "--redis-url: {url} cannot be used for revocations: {}",
        config::hidden_in_error(&why, url.expose())
    )
}

/// An error with its causes, which it names when it is asked to.
fn told(error: &impl Display) -> anyhow::Error {
    anyhow!("{error:#}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_that_is_over_is_none_that_counts_and_is_to_be_removed_a_minute_later() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000);
        let mut found = RedisEntries::default();
        let is_over = [940, 1_001, 939].map(|until| {
            found.add(format!(r#"{{"user":"bob","until":{until}}}"#).as_bytes(), now);
            found.is_over
        });
        assert_eq!(is_over, [false, false, true]);
        found.add(b"half", now);
        assert_eq!((found.entries.len(), found.strange), (2, 1));
    }
}
