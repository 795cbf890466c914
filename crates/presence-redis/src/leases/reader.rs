//! Reads: statuses, times, listings and counts, each from the shard itself.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use presence_core::{BatchError, Cursor, Error, ErrorKind, Failure, Id, IdPage, LastSeen, Status};
use tokio::time::Instant;

use super::listing::{self, ShardCursor};
use super::scripts::{Looked, Statuses};
use super::shard::Registration;
use super::shared::Shared;

/// What is known of one id.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct IdState {
    pub(super) status: Status,
    pub(super) seen: LastSeen,
}

impl Shared {
    /// Reads about ids of any shards; with `seen` also when they were last seen.
    pub(super) async fn read(
        &self,
        ids: &[Id],
        seen: bool,
    ) -> Result<Vec<IdState>, BatchError<Vec<IdState>>> {
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (index, id) in ids.iter().enumerate() {
            groups.entry(self.tracker.ledger().shard(id)).or_default().push(index);
        }
        let until = Instant::now() + self.patience();
        let mut reads = Vec::new();
        for (shard, indices) in &groups {
            for indices in indices.chunks(AT_ONCE) {
                reads.push(async move {
                    let wanted: Vec<_> = indices.iter().map(|index| &ids[*index]).collect();
                    (
                        indices,
                        self.read_shard(*shard, &wanted, seen, until)
                            .await
                            .map_err(|error| self.cause(error)),
                    )
                });
            }
        }
        let mut all = vec![IdState::default(); ids.len()];
        let mut failures = Vec::new();
        for (indices, read) in futures_util::future::join_all(reads).await {
            let known = match read {
                Ok(known) => known,
                Err(error) => {
                    failures.extend(indices.iter().map(|index| failure(*index, &ids[*index], &error)));
                    continue;
                }
            };
            for (index, known) in indices.iter().zip(known) {
                all[*index] = known;
                if known.status == Status::Unknown {
                    let shard = &self.shards[self.tracker.ledger().shard(&ids[*index])];
                    failures.push(failure(*index, &ids[*index], &self.cause(shard.recovering())));
                }
            }
        }
        if failures.is_empty() { Ok(all) } else { Err(BatchError::new(all, failures)) }
    }

    /// Reads ids of one shard; those that are not known because it is recovering again, until it
    /// has recovered.
    async fn read_shard(
        &self,
        shard: usize,
        ids: &[&Id],
        seen: bool,
        until: Instant,
    ) -> Result<Vec<IdState>, Error> {
        loop {
            let read = self
                .ask(shard, until, |registration, allowance| async move {
                    self.scripts(shard).status(&registration.epoch, allowance, seen, ids).await
                })
                .await?;
            let unknown = read.statuses.contains(&2);
            if !unknown || !self.recovered(shard, until).await {
                return Ok(known(&read));
            }
        }
    }

    /// Looks at a shard that has recovered and holds nobody whose lease is over.
    pub(super) async fn look(&self, shard: usize, until: Instant) -> Result<(Registration, Looked), Error> {
        let look = |registration: Registration, allowance| async move {
            self.scripts(shard).look(&registration.epoch, allowance).await
        };
        self.look_by(shard, until, look).await
    }

    /// Looks at all shards, side by side; if some do not answer in time, says how many and why.
    pub(super) async fn look_at_all(&self, purpose: &str) -> Result<Vec<(Registration, Looked)>, Error> {
        let until = Instant::now() + self.patience();
        let looks: Vec<_> = (0..self.shards.len()).map(|shard| self.look(shard, until)).collect();
        let (mut all, mut failed, mut why) = (Vec::with_capacity(looks.len()), 0, None);
        for looked in futures_util::future::join_all(looks).await {
            match looked {
                Ok(looked) => all.push(looked),
                Err(error) => {
                    failed += 1;
                    why.get_or_insert(error);
                }
            }
        }
        match why {
            None => Ok(all),
            Some(error) if error.kind() == ErrorKind::Closed => Err(error),
            Some(error) => {
                let count = self.shards.len();
                let message = format!(
                    "{purpose} needs all {count} shards, and {failed} of them cannot be read: {error}"
                );
                Err(Error::with_source(error.kind(), message, error))
            }
        }
    }

    pub(super) async fn count(&self) -> Result<u64, Error> {
        let looked = self.look_at_all("a count").await?;
        Ok(looked.iter().map(|(_, looked)| looked.online).sum())
    }

    /// Lists a page of those online. See [`ShardCursor`] for its cursor.
    pub(super) async fn list(&self, cursor: Cursor, limit: usize) -> Result<IdPage, Error> {
        let until = Instant::now() + self.patience();
        let mut shard = listing::ShardListing::shard_of(cursor);
        if shard >= self.shards.len() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "the cursor comes from another backend; list again from the first page",
            ));
        }
        // The epoch is asked for with each page, as the data may have been lost since the last one.
        let (registration, _) = self.look(shard, until).await?;
        let mut page = listing::ShardListing::new(shard, &registration.epoch);
        let mut at = page.resume(cursor);
        let mut ids = Vec::new();
        while let Some(count) = at.count(&ids, limit) {
            let (next, found) = self.scan(shard, at.cursor, count).await?;
            if let Some(after) = at.fill(found, limit, &mut ids) {
                at.after = after;
                break;
            }
            at = ShardCursor { cursor: next, after: 0 };
            if next == 0 {
                shard += 1;
                if shard == self.shards.len() {
                    return Ok(IdPage::new(ids, None));
                }
                let (registration, _) = self.look(shard, until).await?;
                page = listing::ShardListing::new(shard, &registration.epoch);
            }
        }
        Ok(IdPage::new(ids, Some(page.cursor(at))))
    }

    /// Reads some of the ids of a shard, about `count`.
    pub(super) async fn scan(
        &self,
        shard: usize,
        cursor: u64,
        count: usize,
    ) -> Result<(u64, Vec<Id>), Error> {
        let mut scan = redis::cmd("HSCAN");
        let held = &self.keys.shards[shard].held;
        scan.arg(held).arg(cursor).arg("COUNT").arg(count);
        let answer = self.link.query(held, &scan).await?;
        let (next, pairs): (u64, Vec<(String, String)>) = self.link.read(held, answer)?;
        let ids = pairs.into_iter().filter_map(|(id, _)| Id::new(&id).ok());
        Ok((next, ids.collect()))
    }
}

fn known(read: &Statuses) -> Vec<IdState> {
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(read.now);
    let times = read.times.iter().map(Some).chain(std::iter::repeat(None));
    let of = |(status, time): (&u8, Option<&String>)| match status {
        1 => IdState { status: Status::Online, seen: Some(now) },
        0 => {
            let ms = time.and_then(|time| time.parse().ok());
            let seen = ms.map(|ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms));
            IdState { status: Status::Offline, seen }
        }
        _ => IdState::default(),
    };
    read.statuses.iter().zip(times).map(of).collect()
}

fn failure(index: usize, id: &Id, error: &Error) -> Failure {
    Failure::new(index, id.as_str(), error.clone())
}

/// How many ids are asked for at once.
const AT_ONCE: usize = 500;
