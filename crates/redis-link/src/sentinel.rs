//! Which server is the master.
//!
//! The sentinels say so, and the server itself has to say it, too.
//!
//! ```text
//!   every sentinel that is known, side by side ──► votes ──► every server with a vote, side by side ──► the one with the most
//!     within half of the time                                  within the rest                          that says it is master
//! ```
//!
//! Once somebody has answered the others have 0.1 s more: one that hangs costs that, and nothing
//! else. Sentinels that others name are remembered.

use futures_util::FutureExt;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisError, RedisResult, Value};
use tokio::time::Instant;

use crate::config::LinkConfig;
use crate::connect::{at, bounded, host_of, part, single};
use crate::error::Error;
use crate::stragglers::{STRAGGLER_WAIT, next_until};

/// The sentinels of one master.
#[derive(Debug)]
pub(crate) struct Sentinels {
    /// The sentinels of the address, and those that they named.
    known: Mutex<Vec<ConnectionAddr>>,
    master: String,
    /// User, password, database and TLS of the master.
    template: ConnectionInfo,
}

/// A server that some sentinels call the master.
#[derive(Debug, PartialEq, Eq)]
struct Candidate {
    host: String,
    port: u16,
    votes: usize,
}

impl Sentinels {
    /// Fails only where the feature `sentinel` is off: see `no_sentinel.rs`.
    pub(crate) fn new(
        known: Vec<ConnectionAddr>,
        master: String,
        template: ConnectionInfo,
    ) -> Result<Self, Error> {
        Ok(Self { known: Mutex::new(known), master, template })
    }

    /// What the sentinels call the master.
    pub(crate) fn master(&self) -> &str {
        &self.master
    }

    /// Connects to the master.
    pub(crate) async fn connect(
        &self,
        settings: &LinkConfig,
    ) -> RedisResult<(MultiplexedConnection, ConnectionInfo)> {
        let candidates = self.candidates(settings).await?;
        let mut tried: FuturesUnordered<_> = candidates
            .iter()
            .enumerate()
            .map(|(rank, candidate)| {
                let info = at(&self.template, &candidate.host, candidate.port);
                async move { (rank, master_at(info, settings).await) }.boxed()
            })
            .collect();
        // Who answers first need not be the one with most votes, so the others have a little
        // longer.
        let (mut best, mut failure, mut until) = (None::<(usize, _)>, None, None);
        while let Some((rank, found)) = next_until(&mut tried, until).await {
            match found {
                // No other candidate has more votes.
                Ok(found) if rank == 0 => return Ok(found),
                Ok(found) => {
                    until.get_or_insert_with(|| Instant::now() + STRAGGLER_WAIT);
                    if best.as_ref().is_none_or(|(known, _)| rank < *known) {
                        best = Some((rank, found));
                    }
                }
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        best.map(|(_, found)| found).ok_or_else(|| failure.unwrap_or_else(unknown))
    }

    /// Whether most of the sentinels that answer name another master than `info`.
    pub(crate) async fn name_another(&self, info: &ConnectionInfo, settings: &LinkConfig) -> bool {
        let Ok(candidates) = self.candidates(settings).await else { return false };
        let all: usize = candidates.iter().map(|candidate| candidate.votes).sum();
        candidates.first().is_some_and(|first| {
            let named = at(&self.template, &first.host, first.port);
            2 * first.votes > all && named.addr() != info.addr()
        })
    }

    /// Asks every sentinel, and returns whom they name, the one with the most votes first.
    async fn candidates(&self, settings: &LinkConfig) -> RedisResult<Vec<Candidate>> {
        let sentinels = self.known.lock().clone();
        let limit = part(settings.connect_timeout);
        let mut asked: FuturesUnordered<_> = sentinels
            .into_iter()
            .map(|sentinel| bounded(limit, self.ask(sentinel, settings)).boxed())
            .collect();
        let (mut candidates, mut failure, mut until) = (Vec::new(), None, None);
        while let Some(answer) = next_until(&mut asked, until).await {
            match answer {
                Ok((host, port)) => {
                    vote(&mut candidates, host, port);
                    until.get_or_insert_with(|| Instant::now() + STRAGGLER_WAIT);
                }
                Err(error) => failure = Some(error),
            }
        }
        candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.votes));
        if candidates.is_empty() { Err(failure.unwrap_or_else(unknown)) } else { Ok(candidates) }
    }

    /// Asks one sentinel for the master, and for the other sentinels.
    async fn ask(&self, sentinel: ConnectionAddr, settings: &LinkConfig) -> RedisResult<(String, u16)> {
        let info = sentinel.into_connection_info()?;
        let mut connection = single(&info, settings, None).await?;
        let mut questions = redis::pipe();
        questions.cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(&self.master);
        questions.cmd("SENTINEL").arg("SENTINELS").arg(&self.master);
        // Each question has a result of its own: a user who may not ask for the other sentinels
        // still learns who the master is.
        questions.ignore_errors();
        let mut answers = questions.query_async::<Vec<Value>>(&mut connection).await?.into_iter();
        let master = answers.next().unwrap_or(Value::Nil).extract_error()?;
        self.learn(host_of(&info), answers.next());
        let named = redis::from_redis_value::<Option<(String, u16)>>(master)?;
        named.ok_or_else(unknown)
    }

    /// Remembers the sentinels that one of them named.
    fn learn(&self, host: &str, others: Option<Value>) {
        let Some(Value::Array(others)) = others else { return };
        let mut known = self.known.lock();
        for other in others {
            let Ok(fields) = redis::from_redis_value::<std::collections::HashMap<String, String>>(other)
            else {
                continue;
            };
            let (Some(ip), Some(Ok(port))) = (fields.get("ip"), fields.get("port").map(|port| port.parse()))
            else {
                continue;
            };
            let address = ConnectionAddr::Tcp(if ip.is_empty() { host } else { ip }.to_owned(), port);
            if known.len() < KNOWN_MAX && !known.contains(&address) {
                known.push(address);
            }
        }
    }
}

/// Connects to a server that is a master by its own account.
async fn master_at(
    info: ConnectionInfo,
    settings: &LinkConfig,
) -> RedisResult<(MultiplexedConnection, ConnectionInfo)> {
    let mut connection = single(&info, settings, None).await?;
    is_master(&mut connection).await?;
    Ok((connection, info))
}

fn vote(candidates: &mut Vec<Candidate>, host: String, port: u16) {
    match candidates.iter_mut().find(|known| known.host == host && known.port == port) {
        Some(known) => known.votes += 1,
        None => candidates.push(Candidate { host, port, votes: 1 }),
    }
}

/// Fails if a server is not a master by its own account.
async fn is_master(connection: &mut MultiplexedConnection) -> RedisResult<()> {
    let role = redis::cmd("ROLE").query_async::<Value>(connection).await;
    match role {
        Ok(Value::Array(parts)) => match parts.first() {
            Some(Value::BulkString(role)) if role == b"master" => Ok(()),
            _ => {
                let why = "the sentinels name a server as master that says it is a replica";
                Err(RedisError::from((redis::ErrorKind::Client, why)))
            }
        },
        // If the user of the address may not run `ROLE`, the word of the sentinels counts.
        Err(error) if error.code() == Some("NOPERM") => Ok(()),
        // An answer of another shape does not say that it is a replica.
        Ok(_) => Ok(()),
        Err(error) => Err(error),
    }
}

fn unknown() -> RedisError {
    let why = "no sentinel knows the master; check its name in the address";
    RedisError::from((redis::ErrorKind::MasterNameNotFoundBySentinel, why))
}

/// How many sentinels are remembered, so that wrong answers do not fill the memory.
const KNOWN_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn votes_are_counted_for_each_server() {
        let mut candidates = Vec::new();
        for (host, port) in [("a", 1), ("b", 1), ("b", 1), ("a", 2)] {
            vote(&mut candidates, host.to_owned(), port);
        }
        let votes: Vec<_> = candidates.iter().map(|candidate| candidate.votes).collect();
        assert_eq!(votes, [1, 2, 1]);
    }
}
