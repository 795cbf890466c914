//! Reads the logs of some shards as they grow, for all streams of this process.

use std::sync::Arc;
use std::time::Duration;

use presence_core::Error;
use redis::Value;
use redis::aio::MultiplexedConnection;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::answer::decode;
use super::ids::{Fit, StreamEntry};
use super::shared::Shared;

/// The one who follows shards that can be read together: all of one server's, or one of a
/// cluster's.
#[derive(Debug)]
pub(super) struct Follower {
    core: Arc<Shared>,
    shards: Vec<usize>,
    /// Cancelled when nothing is written any more: what is there is read, then it ends.
    drain: CancellationToken,
    begun: bool,
    /// Whether it could not read lately, which is told once.
    failing: bool,
}

impl Follower {
    /// Those who together follow every shard.
    pub(super) fn all(core: &Arc<Shared>, drain: &CancellationToken) -> Vec<Self> {
        let shards: Vec<_> = (0..core.shards.len()).collect();
        // A command that names keys of several slots is refused, also where they lie on one master.
        let size = if core.link.is_cluster() { 1 } else { shards.len() };
        let follower = |shards: &[usize]| Self {
            core: Arc::clone(core),
            shards: shards.to_vec(),
            drain: drain.clone(),
            begun: false,
            failing: false,
        };
        shards.chunks(size).map(follower).collect()
    }

    pub(super) async fn run(mut self) {
        let drain = self.drain.clone();
        while !self.is_done() {
            let error = match self.follow().await {
                Ok(()) => continue,
                Err(error) => error,
            };
            if drain.is_cancelled() {
                return;
            }
            tracing::debug!(%error, "events cannot be read from redis; trying again");
            // Once closed, streams end with what was before, whatever becomes of the connection.
            if !self.core.closing.is_cancelled() && !std::mem::replace(&mut self.failing, true) {
                self.core.tail.tell(|news| news.reading.fail());
            }
            let pause = RETRY.mul_f64(crate::random::fraction());
            drain.run_until_cancelled(sleep(pause)).await;
        }
    }

    /// Follows until a life ends or a connection is lost.
    async fn follow(&mut self) -> Result<(), Error> {
        let key = &self.core.keys.shards[self.shards[0]].log;
        let mut connection = self.core.link.dedicated(key, BLOCK).await?;
        self.begin().await?;
        while !self.is_done() {
            let Some(answer) = self.wait(&mut connection).await? else { continue };
            type Streams = Vec<(String, Vec<(String, Vec<Value>)>)>;
            let mut fit = Fit::Next;
            for (key, entries) in decode::<Streams>(answer)? {
                let shard = self.shards.iter().find(|shard| self.core.keys.shards[**shard].log == key);
                let Some(shard) = shard.copied() else { continue };
                for entry in entries {
                    if fit == Fit::Next {
                        fit = self.core.tail.append(shard, StreamEntry::read(entry)?);
                    }
                }
            }
            self.core.tail.tell(|_| {});
            if fit == Fit::Gap {
                self.begin().await?;
            }
        }
        Ok(())
    }

    /// Makes sure, on whatever server we are now, in which life the shards are.
    ///
    /// Or fails: the server may be gone again, and streams are to hear of it.
    async fn begin(&mut self) -> Result<(), Error> {
        let until = Instant::now() + self.core.patience();
        let renewed = self.shards.iter().map(|shard| self.core.shards[*shard].renewed(until));
        match self.drain.run_until_cancelled(futures_util::future::try_join_all(renewed)).await {
            Some(renewed) => drop(renewed?),
            None => return Ok(()),
        }
        for number in &self.shards {
            let shard = &self.core.shards[*number];
            if let Some(registration) = &shard.status().borrow().registration {
                self.core.tail.begin(*number, registration, shard.last());
            }
        }
        let first = !std::mem::replace(&mut self.begun, true);
        let failed = std::mem::take(&mut self.failing);
        self.core.tail.tell(|news| {
            news.begun += usize::from(first);
            if failed {
                news.reading.go_on();
            }
        });
        Ok(())
    }

    /// Waits for entries; `None` if there were none for a while.
    async fn wait(&self, connection: &mut MultiplexedConnection) -> Result<Option<Value>, Error> {
        let block = u64::try_from(BLOCK.as_millis()).unwrap_or(u64::MAX);
        let mut read = redis::cmd("XREAD");
        read.arg("COUNT").arg(ENTRIES_MAX).arg("BLOCK").arg(block).arg("STREAMS");
        for shard in &self.shards {
            read.arg(&self.core.keys.shards[*shard].log);
        }
        for shard in &self.shards {
            read.arg(format!("{}-0", self.core.tail.last(*shard)));
        }
        let mut answer = std::pin::pin!(read.query_async::<Value>(connection));
        let answer = tokio::select! {
            answer = &mut answer => answer,
            () = self.drain.cancelled() => {
                // What is there comes at once.
                if self.is_done() {
                    return Ok(None);
                }
                match timeout_at(Instant::now() + self.core.patience(), answer).await {
                    Ok(answer) => answer,
                    Err(_) => return Err(self.core.shards[self.shards[0]].error()),
                }
            }
        };
        match answer.map_err(|error| self.core.link.failed(error))? {
            Value::Nil => Ok(None),
            answer => Ok(Some(answer)),
        }
    }

    /// Whether the backend is shut down and everything that it wrote has been read.
    fn is_done(&self) -> bool {
        let read = |shard: &usize| self.core.tail.last(*shard) >= self.core.shards[*shard].last();
        self.drain.is_cancelled() && (!self.begun || self.shards.iter().all(read))
    }
}

/// How long Redis holds a question for events that nobody answers.
const BLOCK: Duration = Duration::from_secs(1);
const RETRY: Duration = Duration::from_millis(500);
const ENTRIES_MAX: usize = 256;
