//! Reads: statuses, times, listings and counts, each from the shard itself.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use presence_core::{BatchError, Cursor, Error, ErrorKind, Failure, Id, LastSeen, Page, Status};
use tokio::time::{Instant, timeout_at};
use xxhash_rust::xxh3::xxh3_64;

use super::config::Config;
use super::core::Core;
use super::scripts::{Answered, Looked, Reaped, Statuses, decode};
use super::shard::Life;

/// What is known of one id.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    pub(super) status: Status,
    pub(super) seen: LastSeen,
}

impl Core {
    /// Reads about ids of any shards; with `seen` also when they were last seen.
    pub(super) async fn read(&self, ids: &[Id], seen: bool) -> Result<Vec<Known>, BatchError<Vec<Known>>> {
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (place, id) in ids.iter().enumerate() {
            groups.entry(self.beings.ledger().shard(id)).or_default().push(place);
        }
        let until = Instant::now() + self.patience();
        let mut reads = Vec::new();
        for (shard, places) in &groups {
            for places in places.chunks(AT_ONCE) {
                reads.push(async move {
                    let wanted: Vec<_> = places.iter().map(|place| &ids[*place]).collect();
                    (places, self.read_shard(*shard, &wanted, seen, until).await)
                });
            }
        }
        let mut all = vec![Known::default(); ids.len()];
        let mut failures = Vec::new();
        for (places, read) in futures_util::future::join_all(reads).await {
            let known = match read {
                Ok(known) => known,
                Err(error) => {
                    failures.extend(places.iter().map(|place| failure(*place, &ids[*place], &error)));
                    continue;
                }
            };
            for (place, known) in places.iter().zip(known) {
                all[*place] = known;
                if known.status == Status::Unknown {
                    failures.push(failure(*place, &ids[*place], &recovering()));
                }
            }
        }
        if failures.is_empty() { Ok(all) } else { Err(BatchError::new(all, failures)) }
    }

    /// Reads ids of one shard; those that are not known because it is recovering again, until it has recovered.
    async fn read_shard(
        &self,
        shard: usize,
        ids: &[&Id],
        seen: bool,
        until: Instant,
    ) -> Result<Vec<Known>, Error> {
        loop {
            let read = self
                .ask(shard, until, |life, allowance| async move {
                    self.scripts(shard).status(&life.epoch, allowance, seen, ids).await
                })
                .await?;
            let unknown = read.statuses.contains(&2);
            if !unknown || !self.recovered(shard, until).await {
                return Ok(known(&read));
            }
        }
    }

    /// Asks a shard something, again in its new life if it has lost the one that is known.
    pub(super) async fn ask<T, F>(
        &self,
        shard: usize,
        until: Instant,
        question: impl Fn(Life, Duration) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Answered<T>>,
    {
        let shard = &self.shards[shard];
        loop {
            let (life, allowance) = shard.life(until).await?;
            match timeout_at(until, question(life.clone(), allowance)).await {
                Ok(Ok(Ok(answer))) => return Ok(answer),
                Ok(Ok(Err(_lost))) => shard.doubt(&life),
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(shard.error()),
            }
        }
    }

    /// Waits until a shard has recovered, and says whether it has.
    pub(super) async fn recovered(&self, shard: usize, until: Instant) -> bool {
        let mut standing = self.shards[shard].standing();
        loop {
            let deadline = standing.borrow_and_update().recovering;
            let Some(deadline) = deadline else { return true };
            // Over by its deadline, or earlier by the last one who announced.
            if timeout_at(deadline.min(until), standing.changed()).await.is_err() {
                return deadline <= until;
            }
        }
    }

    /// Looks at a shard that has recovered and holds nobody whose lease is over.
    pub(super) async fn look(&self, shard: usize, until: Instant) -> Result<(Life, Looked), Error> {
        loop {
            let asked = Instant::now();
            let look = |life: Life, allowance| async move {
                let looked = match self.scripts(shard).look(&life.epoch, allowance).await? {
                    Ok(looked) => looked,
                    Err(lost) => return Ok(Err(lost)),
                };
                if asked.elapsed() > Config::RENEWAL {
                    // Redis may have stood still, and the others not have had a chance to renew.
                    return Ok(Ok((life, looked)));
                }
                for dead in &looked.overdue {
                    while self.scripts(shard).reap(&life.epoch, dead, allowance).await? == Reaped::More {}
                }
                Ok(Ok((life, looked)))
            };
            let (life, looked) = self.ask(shard, until, look).await?;
            self.shards[shard].hear(looked.last);
            if !looked.recovering.is_zero() {
                let left = Instant::now() + looked.recovering;
                self.shards[shard].stand(|standing| standing.recovering = Some(left));
                if !self.recovered(shard, until).await {
                    return Err(recovering());
                }
            } else if looked.overdue.is_empty() {
                return Ok((life, looked));
            } else if asked.elapsed() > Config::RENEWAL {
                drop(timeout_at(until, self.shards[shard].verified()).await);
            }
        }
    }

    pub(super) async fn count(&self) -> Result<u64, Error> {
        let until = Instant::now() + self.patience();
        let looks: Vec<_> = (0..self.shards.len()).map(|shard| self.look(shard, until)).collect();
        let looked = futures_util::future::try_join_all(looks).await?;
        Ok(looked.iter().map(|(_, looked)| looked.online).sum())
    }

    /// Lists a page of those online. See [`Place`] for its cursor.
    pub(super) async fn list(&self, cursor: Cursor, limit: usize) -> Result<Page, Error> {
        let until = Instant::now() + self.patience();
        let mut shard = usize::try_from(cursor.shard()).unwrap_or(usize::MAX);
        if shard >= self.shards.len() {
            return Err(Error::new(ErrorKind::InvalidInput, "cursor is not one of this backend"));
        }
        let mut place = Place::unpack(cursor.offset());
        let mut ids = Vec::new();
        loop {
            if place == Place::default() {
                self.look(shard, until).await?;
            }
            let (next, found) = self.scan(shard, place.cursor, limit - ids.len()).await?;
            if let Some(after) = place.fill(found, limit, &mut ids) {
                place.after = after;
                break;
            }
            place = Place { cursor: next, after: 0 };
            if next == 0 {
                shard += 1;
            }
            if shard == self.shards.len() {
                return Ok(Page::new(ids, None));
            }
            if ids.len() >= limit {
                break;
            }
        }
        let shard = u32::try_from(shard).unwrap_or(u32::MAX);
        Ok(Page::new(ids, Some(Cursor::new(shard, place.pack()))))
    }

    /// Reads some of the ids of a shard, about `count`.
    pub(super) async fn scan(
        &self,
        shard: usize,
        cursor: u64,
        count: usize,
    ) -> Result<(u64, Vec<Id>), Error> {
        let mut scan = redis::cmd("HSCAN");
        // A little less than wanted, as it is often a little more.
        let count = count.clamp(1, AT_ONCE).saturating_sub(8).max(1);
        scan.arg(&self.keys.shards[shard].held).arg(cursor).arg("COUNT").arg(count);
        let (next, pairs) = decode::<(u64, Vec<(String, String)>)>(self.link.query(&scan).await?)?;
        let ids = pairs.into_iter().filter_map(|(id, _)| Id::new(&id).ok());
        Ok((next, ids.collect()))
    }
}

/// Where in the listing of a shard a page begins: at a cursor of Redis, after the ids whose hash is at most `after`.
///
/// Redis gives as many ids as it likes at one cursor. What does not fit into a page is read again for the next one, and the order of
/// hashes tells what was in the page before, whoever came and went since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Place {
    cursor: u64,
    after: u32,
}

impl Place {
    /// Redis's cursors have as many bits as its table has buckets in binary: never more than 32 in one shard.
    fn pack(self) -> u64 {
        self.cursor << 32 | u64::from(self.after)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
    fn unpack(offset: u64) -> Self {
        Self { cursor: offset >> 32, after: (offset & u64::from(u32::MAX)) as u32 }
    }

    /// Adds what fits; if that is not all, says up to which hash it was.
    fn fill(self, found: Vec<Id>, limit: usize, ids: &mut Vec<Id>) -> Option<u32> {
        let hash = |id: &Id| ((xxh3_64(id.as_bytes()) >> 32) as u32).max(1);
        let mut found: Vec<_> = found.into_iter().map(|id| (hash(&id), id)).collect();
        found.retain(|(hash, _)| *hash > self.after);
        found.sort_unstable_by_key(|(hash, _)| *hash);
        let mut fits = found.len().min(limit - ids.len());
        // Those of one hash stay together, so that none is left out. If a page is too small for them it is as large as it has to be.
        while fits > 0 && fits < found.len() && found[fits - 1].0 == found[fits].0 {
            fits -= 1;
        }
        if fits == 0 && ids.is_empty() {
            fits = found.iter().take_while(|(hash, _)| *hash == found[0].0).count();
        }
        let last = fits.checked_sub(1).map_or(self.after, |last| found[last].0);
        let all = fits == found.len();
        ids.extend(found.into_iter().take(fits).map(|(_, id)| id));
        (!all).then_some(last)
    }
}

fn known(read: &Statuses) -> Vec<Known> {
    let now = SystemTime::UNIX_EPOCH + Duration::from_millis(read.now);
    let times = read.times.iter().map(Some).chain(std::iter::repeat(None));
    let of = |(status, time): (&u8, Option<&String>)| match status {
        1 => Known { status: Status::Online, seen: Some(now) },
        0 => {
            let ms = time.and_then(|time| time.parse().ok());
            let seen = ms.map(|ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms));
            Known { status: Status::Offline, seen }
        }
        _ => Known::default(),
    };
    read.statuses.iter().zip(times).map(of).collect()
}

fn failure(place: usize, id: &Id, error: &Error) -> Failure {
    Failure::new(place, id.as_str(), error.clone())
}

pub(super) fn recovering() -> Error {
    let message = "redis lost data, and not every process has said again who is here";
    Error::new(ErrorKind::Unavailable, message)
}

/// How many ids are asked for at once.
const AT_ONCE: usize = 500;
