//! A stream of events that is read one item at a time, and the settings that tests start from.

use std::time::Duration;

use presence_core::{Cause, Error, ErrorKind, Event, Events, Presence, Since, Status, Update};
use presence_redis::LinkConfig;
use presence_redis::keyspace::{Config, Keyspace, Notifications};
use redis::aio::MultiplexedConnection;
use test_support::{Redis, redis_connection};
use tokio::time::timeout;

/// For what must come, however busy the machine is.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Reads a stream.
pub(crate) struct Listener(Events);

impl Listener {
    /// Opens a stream and reads it up to its beginning.
    pub(crate) async fn open(presence: &Presence) -> Self {
        let mut listener = Self(presence.events(Since::Now).await.unwrap());
        assert!(matches!(listener.next().await, Some(Ok(Update::Synced(_)))));
        listener
    }

    /// Opens a stream and returns who is online.
    pub(crate) async fn snapshot(presence: &Presence) -> (Self, Vec<String>) {
        let mut listener = Self(presence.events(Since::Snapshot).await.unwrap());
        let mut online = Vec::new();
        loop {
            match listener.next().await.unwrap().unwrap() {
                Update::Present { id, status: Status::Online, .. } => online.push(id.to_string()),
                Update::Synced(_) => break,
                update => panic!("not expected: {update:?}"),
            }
        }
        online.sort_unstable();
        (listener, online)
    }

    pub(crate) async fn next(&mut self) -> Option<Result<Update, Error>> {
        timeout(PATIENCE, self.0.next()).await.expect("an item of the stream")
    }

    /// Waits for the next item, which must be an event.
    pub(crate) async fn event(&mut self) -> Event {
        self.next().await.expect("stream goes on").unwrap().into_change().unwrap()
    }

    /// Waits for the next event for so long.
    pub(crate) async fn event_within(&mut self, duration: Duration) -> Option<Event> {
        timeout(duration, self.event()).await.ok()
    }

    /// Waits for the next item, which must be this event.
    pub(crate) async fn expect(&mut self, id: &str, cause: Cause) {
        let event = self.event().await;
        assert_eq!((event.id.as_str(), event.cause), (id, cause));
    }

    /// Waits for the next item, which must be an error.
    pub(crate) async fn error(&mut self) -> ErrorKind {
        self.next().await.expect("stream goes on").unwrap_err().kind()
    }

    /// Fails if anything comes within `duration`.
    pub(crate) async fn silent(&mut self, duration: Duration) {
        if let Ok(item) = timeout(duration, self.0.next()).await {
            panic!("not expected: {item:?}");
        }
    }
}

/// Settings with times that a test can wait for.
pub(crate) fn config(redis: &Redis) -> Config {
    let link = link(redis.url(), Duration::from_secs(5));
    Config::new(link).ttl(Duration::from_secs(1)).notifications(Notifications::Set)
}

/// A link with time for a busy machine, or with little where a test is about failures.
pub(crate) fn link(url: impl Into<String>, timeout: Duration) -> LinkConfig {
    LinkConfig::new(url).timeout(timeout).connect_timeout(timeout)
}

pub(crate) async fn start(config: &Config) -> Presence {
    Presence::new(Keyspace::start(config.clone()).await.unwrap())
}

/// Connects to the server as somebody who has nothing to do with presence.
pub(crate) async fn stranger(url: &str) -> MultiplexedConnection {
    redis_connection(url).await.unwrap()
}

/// Runs a command given as one line of words.
pub(crate) async fn run(connection: &mut MultiplexedConnection, line: &str) {
    let mut words = line.split(' ');
    let mut command = redis::cmd(words.next().unwrap());
    for word in words {
        command.arg(word);
    }
    command.query_async::<()>(connection).await.unwrap();
}
