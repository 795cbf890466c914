//! What a stream of ids follows: the logs of all shards.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use presence_core::feed::Reading;
use presence_core::{Cause, Error, Status, Update};
use tokio::sync::watch;
use tokio::time::Instant;
use xxhash_rust::xxh3::xxh3_64;

use super::space::IdSpace;
use crate::leases::log_tail::LogTail;
use crate::leases::logs::{Logs, Present};
use crate::leases::missed::Missed;
use crate::leases::record::StreamEntry;
use crate::leases::scripts::Looked;
use crate::leases::shard::Registration;
use crate::leases::shared::Shared;

/// The logs of all shards.
#[derive(Debug)]
pub(in crate::leases) struct IdLogs(pub(in crate::leases) Arc<Shared>);

impl Logs for IdLogs {
    type Space = IdSpace;
    type What = Cause;

    fn shared(&self) -> &Shared {
        &self.0
    }

    fn news(&self) -> watch::Receiver<Reading> {
        self.0.tail.news()
    }

    fn shards(&self) -> Range<usize> {
        0..self.0.shards.len()
    }

    fn key(&self, log: usize) -> Cow<'_, str> {
        Cow::Borrowed(&self.0.keys.shards[log].log)
    }

    fn tail<T>(&self, log: usize, read: impl FnOnce(&LogTail<Cause>) -> T) -> T {
        self.0.tail.with(log, read)
    }

    fn epoch(&self, epochs: &[String]) -> u64 {
        xxh3_64(epochs.join(",").as_bytes())
    }

    async fn look(&self, log: usize) -> Result<(Registration, Looked), Error> {
        self.0.look(log, Instant::now() + self.0.patience()).await
    }

    async fn scan(&self, log: usize, cursor: u64, count: usize) -> Result<(u64, Vec<Present<Self>>), Error> {
        let (next, ids) = self.0.scan(log, cursor, count).await?;
        let present = ids.into_iter().map(|id| (id.clone(), Update::present(id, Status::Online)));
        Ok((next, present.collect()))
    }

    // The numbers of a shard have no gaps: what is not there was trimmed.
    async fn missed(
        &self,
        _log: usize,
        mark: u64,
        until: u64,
        first: Option<&StreamEntry<Cause>>,
    ) -> Result<Missed, Error> {
        let before = first.map_or(until, |first| first.before.min(until));
        Ok(Missed::of(before.saturating_sub(mark)))
    }
}
