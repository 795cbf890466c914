//! What followers read for streams of ids.
//!
//! These are the logs of their shards, each from its end here.

use presence_core::Error;
use presence_core::feed::Reading;

use super::space::IdSpace;
use crate::leases::follower::{Asked, Followed};
use crate::leases::log_tail::Fit;
use crate::leases::record::{RawEntry, StreamEntry};
use crate::leases::shard::Registration;
use crate::leases::shared::Shared;

impl Followed for IdSpace {
    /// The shard.
    type Source = usize;
    type Memo = ();

    const ENTRIES_MAX: usize = 256;

    fn asked(shared: &Shared, shards: &[usize], (): &(), _ending: bool) -> Vec<Asked<usize>> {
        let asked = |shard: &usize| Asked {
            key: shared.keys.shards[*shard].log.clone(),
            after: format!("{}-0", shared.tail.last(*shard)),
            source: *shard,
        };
        shards.iter().map(asked).collect()
    }

    fn take(shared: &Shared, (): &mut (), read: Vec<(usize, Vec<RawEntry>)>) -> Result<Fit, Error> {
        let mut fit = Fit::Next;
        for (shard, entries) in read {
            let log = &shared.keys.shards[shard].log;
            for entry in entries {
                if fit == Fit::Next {
                    fit = shared.tail.append(shard, StreamEntry::read(entry, &shared.link, log)?);
                }
            }
        }
        shared.tail.tell(|_| {});
        Ok(fit)
    }

    fn begin(shared: &Shared, (): &mut (), shard: usize, registration: &Registration) -> bool {
        let is_new = shared.tail.begin(shard, registration, shared.shards[shard].last());
        if is_new {
            shared.tail.tell(|_| {});
        }
        is_new
    }

    // A stream of ids begins after all followers have.
    fn is_followed(_shared: &Shared, _shards: &[usize], begun: bool) -> bool {
        begun
    }

    fn read_up_to(shared: &Shared, shard: usize) -> u64 {
        shared.tail.last(shard)
    }

    fn fail(shared: &Shared, _shards: &[usize]) {
        shared.tail.tell(Reading::fail);
    }

    fn go_on(shared: &Shared, _shards: &[usize]) {
        shared.tail.tell(Reading::go_on);
    }
}
