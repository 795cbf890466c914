//! The keys in Redis: who is online, for every process.

use std::collections::HashSet;
use std::time::Duration;

use presence_core::{BatchError, Error, ErrorKind, Failure, Id, Status};
use redis::{Pipeline, RedisError, ServerErrorKind, Value};

use super::config::Config;
use super::transactions::Transactions;
use crate::connection::Link;

/// Reads and writes keys, many at a time.
#[derive(Debug)]
pub(super) struct KeyStore {
    pub(super) link: Link,
    pub(super) wire: Transactions,
}

/// What is left of a key's TTL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remaining {
    Absent,
    /// The key was written by somebody else, and never expires.
    Unlimited,
    Time(Duration),
}

/// The answer about each id, or why there is none.
type Answers<T> = Vec<Result<T, Error>>;

impl KeyStore {
    pub(super) fn new(link: Link, config: &Config) -> Self {
        Self { link, wire: Transactions::new(&config.prefix, config.key_ttl()) }
    }

    /// Gives each id a heartbeat: keys that are there live on, the others are made.
    pub(super) async fn beat(&self, ids: &[Id]) -> Result<(), BatchError> {
        let mut failures = Vec::new();
        // The order is that of the Go package: only an arrival writes a key, since each write of a
        // key is heard by all processes.
        let absent = self.refresh(ids, &mut failures).await;
        self.create(ids, &absent, &mut failures).await;
        if failures.is_empty() { Ok(()) } else { Err(BatchError::new((), failures)) }
    }

    /// Lets the keys that are there live on, and returns the indices of those that are not.
    pub(super) async fn refresh(&self, ids: &[Id], failures: &mut Vec<Failure>) -> Vec<usize> {
        let answers = self.ask(ids, |ids| self.wire.refresh(ids), flag).await;
        let mut absent = Vec::new();
        for (index, answer) in answers.into_iter().enumerate() {
            match answer {
                Ok(true) => {}
                Ok(false) => absent.push(index),
                Err(error) => failures.push(Failure::new(index, ids[index].as_str(), error)),
            }
        }
        absent
    }

    /// Makes the keys of the ids at `indices`, each once: the processes of the ancestor would hear
    /// a second time of an id that a call names twice.
    pub(super) async fn create(&self, ids: &[Id], indices: &[usize], failures: &mut Vec<Failure>) {
        let mut seen = HashSet::new();
        let indices: Vec<_> = indices.iter().filter(|index| seen.insert(&ids[**index])).collect();
        let absent: Vec<_> = indices.iter().map(|index| ids[**index].clone()).collect();
        let answers = self.ask(&absent, |ids| self.wire.create(ids), anything).await;
        for (index, answer) in indices.into_iter().zip(answers) {
            if let Err(error) = answer {
                failures.push(Failure::new(*index, ids[*index].as_str(), error));
            }
        }
    }

    /// Ends the ids.
    pub(super) async fn end(&self, ids: &[Id]) -> Result<(), BatchError> {
        let answers = self.ask(ids, |ids| self.wire.end(ids), flag).await;
        let failures = failures(ids, answers, |_| ());
        if failures.is_empty() { Ok(()) } else { Err(BatchError::new((), failures)) }
    }

    pub(super) async fn status(&self, ids: &[Id]) -> Result<Vec<Status>, BatchError<Vec<Status>>> {
        let answers = self.ask(ids, |ids| self.wire.exist(ids), flag).await;
        let status = |there| if there { Status::Online } else { Status::Offline };
        let mut statuses = Vec::with_capacity(ids.len());
        let failures = failures(ids, answers, |answer| {
            statuses.push(answer.map_or(Status::Unknown, status));
        });
        if failures.is_empty() { Ok(statuses) } else { Err(BatchError::new(statuses, failures)) }
    }

    /// Counts the keys that are there, in one command; each id must come once.
    pub(super) async fn count(&self, ids: &[Id]) -> Result<usize, Error> {
        let mut command = redis::cmd("EXISTS");
        for id in ids {
            command.arg(self.wire.keys.key(id));
        }
        let answer = Box::pin(self.link.query(ANY, &command)).await?;
        redis::from_redis_value(answer).map_err(|error| self.link.failed(error.into()))
    }

    /// Returns what is left of the TTL of each id's key, and the failures; a failed one is `None`.
    pub(super) async fn remaining(&self, ids: &[Id]) -> (Vec<Option<Remaining>>, Vec<Failure>) {
        let answers = self.ask(ids, |ids| self.wire.remaining(ids), remaining).await;
        let mut all = Vec::with_capacity(ids.len());
        let failures = failures(ids, answers, |answer| all.push(answer));
        (all, failures)
    }

    /// Reads one page of the keys that begin with the prefix, and returns the cursor of the next; 0
    /// after the last.
    pub(super) async fn scan(&self, cursor: u64) -> Result<(u64, Vec<Id>), Error> {
        let mut command = redis::cmd("SCAN");
        command.arg(cursor).arg("MATCH").arg(self.wire.keys.pattern());
        // A key that is no string was made by another program.
        command.arg("COUNT").arg(SCANNED).arg("TYPE").arg("string");
        let answer = Box::pin(self.link.query(ANY, &command)).await?;
        let (next, keys): (u64, Vec<Vec<u8>>) =
            redis::from_redis_value(answer).map_err(|error| self.link.failed(error.into()))?;
        Ok((next, keys.iter().filter_map(|key| self.wire.keys.id(key)).collect()))
    }

    /// Sends transactions of at most [`TOGETHER`] ids each, one after the other. Once one has
    /// failed whole, so have the rest.
    async fn ask<T>(
        &self,
        ids: &[Id],
        transaction: impl Fn(&[Id]) -> Pipeline,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Answers<T> {
        let mut answers = Vec::with_capacity(ids.len());
        for chunk in ids.chunks(TOGETHER) {
            match self.send(&transaction(chunk)).await {
                Ok(values) if values.len() == chunk.len() => {
                    answers.extend(values.into_iter().map(|value| answer(&self.link, value, &read)));
                }
                Ok(_) => answers.extend(chunk.iter().map(|_| Err(unexpected_answer(&self.link)))),
                Err(error) => {
                    answers.resize_with(ids.len(), || Err(error.clone()));
                    break;
                }
            }
        }
        answers
    }

    /// Sends a transaction, and one that Redis does not begin command by command.
    ///
    /// Out of memory it queues nothing, not even what it would do by itself: without this, nobody
    /// could be kept online.
    async fn send(&self, transaction: &Pipeline) -> Result<Vec<Value>, Error> {
        match Box::pin(self.link.pipeline(ANY, transaction)).await {
            Err(error) if is_refused(&error) => {
                let mut commands = Pipeline::with_capacity(transaction.len());
                for command in transaction.cmd_iter() {
                    commands.add_command(command.clone());
                }
                Box::pin(self.link.pipeline(ANY, commands.ignore_errors())).await
            }
            sent => sent,
        }
    }
}

/// Says whether nothing was done since one of the commands could not be queued.
fn is_refused(error: &Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<RedisError>());
    source.is_some_and(|source| source.kind() == redis::ErrorKind::Server(ServerErrorKind::ExecAbort))
}

fn answer<T>(link: &Link, value: Value, read: impl Fn(&Value) -> Option<T>) -> Result<T, Error> {
    let value = value.extract_error().map_err(|error| link.failed(error))?;
    read(&value).ok_or_else(|| unexpected_answer(link))
}

fn unexpected_answer(link: &Link) -> Error {
    let message = format!("redis at {} sent an answer that presence cannot read", link.address());
    Error::new(ErrorKind::Unavailable, message)
}

/// Hands each answer to `take`, `None` for a failure, and returns the failures.
fn failures<T>(ids: &[Id], answers: Answers<T>, mut take: impl FnMut(Option<T>)) -> Vec<Failure> {
    let mut failures = Vec::new();
    for (index, (id, answer)) in ids.iter().zip(answers).enumerate() {
        match answer {
            Ok(answer) => take(Some(answer)),
            Err(error) => {
                take(None);
                failures.push(Failure::new(index, id.as_str(), error));
            }
        }
    }
    failures
}

fn flag(value: &Value) -> Option<bool> {
    if let Value::Int(number) = value { Some(*number != 0) } else { None }
}

#[expect(clippy::unnecessary_wraps, reason = "one of several readers")]
fn anything(_: &Value) -> Option<()> {
    Some(())
}

fn remaining(value: &Value) -> Option<Remaining> {
    match *value {
        Value::Int(-2) => Some(Remaining::Absent),
        Value::Int(-1) => Some(Remaining::Unlimited),
        Value::Int(millis) => u64::try_from(millis).ok().map(Duration::from_millis).map(Remaining::Time),
        _ => None,
    }
}

/// Where a command goes: there is one server, whatever its key.
pub(super) const ANY: &str = "";

/// How many ids one transaction is for at most: it holds up everybody else for about 10 ms.
const TOGETHER: usize = 10_000;

/// How many keys Redis looks at for one page.
const SCANNED: usize = 1_000;
