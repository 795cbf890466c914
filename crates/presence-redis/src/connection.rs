//! The link to Redis, with errors of presence.

use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use presence_core::{Error, ErrorKind};
use redis::aio::MultiplexedConnection;
use redis::{Client, Cmd, FromRedisValue, Pipeline, RedisError, Value};
use redis_link::LinkConfig;

/// A way to Redis that outlives its connections.
pub(crate) struct Link(redis_link::Link);

impl Link {
    /// Connects for the first time, and finds out whether it is a cluster.
    pub(crate) async fn start(config: LinkConfig) -> Result<Self, Error> {
        // Boxed, as a start is large and there is one.
        Box::pin(redis_link::Link::start(config)).await.map(Self).map_err(of_link)
    }

    /// Returns the address, which displays without user and password.
    pub(crate) fn address(&self) -> &redis_link::Address {
        self.0.address()
    }

    /// Returns the name of the server that has a key, as far as it is known.
    pub(crate) fn server(&self, key: &str) -> String {
        self.0.server(key)
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.0.timeout()
    }

    pub(crate) fn connect_timeout(&self) -> Duration {
        self.0.connect_timeout()
    }

    pub(crate) fn retry_max(&self) -> Duration {
        self.0.retry_max()
    }

    pub(crate) fn is_cluster(&self) -> bool {
        self.0.is_cluster()
    }

    /// Sends a command to the server that has `key` and returns its answer, within the timeout.
    pub(crate) async fn query(&self, key: &str, command: &Cmd) -> Result<Value, Error> {
        self.0.query(key, command).await.map_err(of_link)
    }

    /// Sends commands for keys of one slot together and returns their answers.
    pub(crate) async fn pipeline(&self, key: &str, pipeline: &Pipeline) -> Result<Vec<Value>, Error> {
        self.0.pipeline(key, pipeline).await.map_err(of_link)
    }

    /// Reads what the server that has `key` answered.
    pub(crate) fn read<T: FromRedisValue>(&self, key: &str, answer: Value) -> Result<T, Error> {
        redis::from_redis_value(answer).map_err(|error| {
            let server = self.server(key);
            let message = format!("redis at {server} sent an answer that presence cannot read");
            Error::with_source(ErrorKind::Unavailable, message, error)
        })
    }

    /// Makes a connection for commands that block for up to `block`, to the master of `key`.
    pub(crate) async fn dedicated(&self, key: &str, block: Duration) -> Result<MultiplexedConnection, Error> {
        self.0.dedicated(key, block).await.map_err(of_link)
    }

    /// Makes a client for connections of other kinds.
    pub(crate) async fn client(&self) -> Result<Client, Error> {
        self.0.client().await.map_err(of_link)
    }

    /// Says what failed on a connection that was made for a purpose.
    pub(crate) fn failed(&self, error: RedisError) -> Error {
        of_link(redis_link::Error::of(&self.0.address().to_string(), error))
    }

    /// Asks every master something, side by side.
    pub(crate) async fn each_master(&self, command: &Cmd) -> Vec<(String, Result<Value, Error>)> {
        let answers = self.0.each_master(command).await;
        answers.into_iter().map(|(name, answer)| (name, answer.map_err(of_link))).collect()
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a failure is to a caller: a wrong setting, or something to try again later, with Redis's
/// words as the source.
fn of_link(error: redis_link::Error) -> Error {
    let kind = match error.kind() {
        redis_link::ErrorKind::Config => ErrorKind::Config,
        redis_link::ErrorKind::Closed => ErrorKind::Closed,
        _ => ErrorKind::Unavailable,
    };
    let message = error.to_string();
    match error.into_redis() {
        Some(source) => Error::with_source(kind, message, source),
        None => Error::new(kind, message),
    }
}

/// Returns the code of Redis's answer, if the error comes from one.
pub(crate) fn answer_code(error: &Error) -> Option<&str> {
    let source = error.source().and_then(|source| source.downcast_ref::<RedisError>())?;
    source.code()
}

/// Returns the code of an answer by which Redis refuses writes, if the error is one: it is there,
/// and answers reads.
pub(crate) fn refusal(error: &Error) -> Option<&str> {
    answer_code(error).filter(|code| ["OOM", "READONLY", "MISCONF", "NOREPLICAS", "NOPERM"].contains(code))
}
