//! Nodes that reach each other through Redis.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mpx::{ErrorKind, Event, Multiplexer};
use redis_link::{Link, LinkConfig};
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep, timeout_at};

use super::departures;
use super::failure::Failure;
use crate::distributed::config::Config;
use crate::distributed::shared::Shared;

/// Nodes that reach each other through one channel of Redis.
///
/// Publishing goes to the master, whichever that is; in a cluster and by replication every server
/// passes it on, so that any of them is good to listen to. In a cluster it is one of the masters,
/// and another one after that was lost.
pub(super) struct RedisWay {
    url: String,
    authorities: Option<Vec<u8>>,
    channel: String,
    /// Which master of a cluster publishes: the one of a key with this number.
    turn: AtomicUsize,
    link: OnceCell<Link>,
}

/// How many messages wait to be taken in at most; each has less than 1 MiB.
const QUEUE_MAX: usize = 256;

/// How long a message may be that somebody publishes on the channel.
const MESSAGE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// How long Redis may say nothing before it is asked whether it is there, and then to answer.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a connection that is lost may take to come back before the server is looked for again.
const SILENCE_MAX: Duration = Duration::from_secs(5);

/// How long a connection may take to be made: less than that, so that it says why it is not.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

// One server that hangs, and one that cannot be connected to, are each noticed by the connection.
const _: () = assert!(
    CONNECT_TIMEOUT.as_millis() < SILENCE_MAX.as_millis()
        && 2 * PING_TIMEOUT.as_millis() < SILENCE_MAX.as_millis()
);

/// How many keys are looked at for one of another master; without a cluster there is none.
const TURNS_MAX: usize = 32;

/// The first wait before listening again, and the longest.
const WAIT_FIRST: Duration = Duration::from_millis(100);
const WAIT_MAX: Duration = Duration::from_secs(5);

impl RedisWay {
    /// None without a Redis.
    pub(super) fn of(config: &Config) -> Option<Self> {
        let url = config.redis.clone()?;
        let (authorities, channel) =
            (config.redis_authorities.clone(), format!("{}changes", config.redis_prefix));
        Some(Self { url, authorities, channel, turn: AtomicUsize::new(0), link: OnceCell::new() })
    }

    /// Takes in what the others say, until the end of the store.
    pub(super) async fn hear(&self, shared: &Shared) {
        let mut wait = WAIT_FIRST;
        loop {
            let began = Instant::now();
            tokio::select! {
                ended = self.follow(shared) => {
                    let Err(why) = ended;
                    shared.teller.hearing().down(&why);
                }
                () = shared.stop.cancelled() => return,
            }
            if began.elapsed() > WAIT_MAX {
                wait = WAIT_FIRST;
            }
            tokio::select! {
                () = sleep(wait.mul_f64(0.5 + fastrand::f64() / 2.0)) => wait = (wait * 2).min(WAIT_MAX),
                () = shared.stop.cancelled() => return,
            }
        }
    }

    /// Says something to all others.
    pub(super) async fn say(&self, text: &str) -> Result<(), Failure> {
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(&self.channel).arg(text);
        // It has no key, so any master takes it. One that is away is not asked again.
        let link = self.link().await?;
        let said = link.query(&self.key(), &publish).await;
        if said.is_err() {
            self.turn_away(|key| link.server(key));
        }
        said?;
        Ok(())
    }

    /// Returns a key of the master that publishes.
    fn key(&self) -> String {
        format!("{}{}", self.channel, self.turn.load(Ordering::Relaxed))
    }

    /// Chooses a key of another master, if there is one.
    fn turn_away(&self, server: impl Fn(&str) -> String) {
        let away = server(&self.key());
        for _ in 0..TURNS_MAX {
            self.turn.fetch_add(1, Ordering::Relaxed);
            if server(&self.key()) != away {
                return;
            }
        }
    }

    /// Listens to a master that there is now, and returns why that is over.
    async fn follow(&self, shared: &Shared) -> Result<Infallible, Failure> {
        let teller = &shared.teller;
        let client = self.link().await?.client().await?;
        let config = mpx::Config::from_info(client.get_connection_info().clone());
        let config = config.queue_max(QUEUE_MAX).message_max(MESSAGE_BYTES_MAX);
        let config = config.ping_timeout(PING_TIMEOUT).connect_timeout(CONNECT_TIMEOUT);
        let config = match &self.authorities {
            Some(pem) => config.authorities(pem.clone()),
            None => config,
        };
        let multiplexer = Multiplexer::start(config)?;
        let (channels, mut events) = multiplexer.channels()?;
        channels.add(self.channel.as_str())?;
        // Until when the channel has to be active.
        let mut until = Some(Instant::now() + SILENCE_MAX);
        loop {
            let event = match until {
                Some(end) => timeout_at(end, events.next()).await.map_err(|_elapsed| {
                    let error = multiplexer.error().map(|error| format!(": {error:#}")).unwrap_or_default();
                    format!("redis does not let this node listen{error}")
                })?,
                None => events.next().await,
            };
            match event.ok_or("the subscription has ended")? {
                Ok(Event::Activated { .. }) => {
                    until = None;
                    teller.hearing().up();
                }
                Ok(Event::Message(message)) => departures::hear(shared, &message.payload),
                Ok(Event::Disconnected { error, .. } | Event::Refused { error, .. }) => {
                    until = until.or_else(|| Some(Instant::now() + SILENCE_MAX));
                    teller.hearing().down(&error);
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Lagged => teller.hearing().doubt(&error),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Returns the way to the master, which is made when Redis is there for the first time.
    async fn link(&self) -> Result<&Link, Failure> {
        let start = || async {
            let config = LinkConfig::new(self.url.as_str());
            let config = match &self.authorities {
                Some(pem) => config.authorities(pem.clone()),
                None => config,
            };
            // Boxed, as a start is large and there is one.
            Box::pin(Link::start(config)).await
        };
        Ok(self.link.get_or_try_init(start).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_master_that_is_away_is_not_asked_again_if_there_is_another_one() {
        let config = Config::new("mongodb://localhost").redis("redis://localhost");
        let way = RedisWay::of(&config).unwrap();
        let first = way.key();
        way.turn_away(|key| if key.ends_with(['0', '1', '2']) { "a" } else { "b" }.to_owned());
        assert_ne!(way.key(), first);
        assert!(way.key().ends_with('3'), "{}", way.key());
        // There is no other one.
        way.turn_away(|_key| "a".to_owned());
        assert!(way.key().ends_with(&(3 + TURNS_MAX).to_string()), "{}", way.key());
    }
}
