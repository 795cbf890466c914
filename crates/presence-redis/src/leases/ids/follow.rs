//! What followers read for streams of ids: the logs of their shards, each from its end here.

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

    fn asked(core: &Shared, shards: &[usize], (): &(), _ending: bool) -> Vec<Asked<usize>> {
        let asked = |shard: &usize| Asked {
            key: core.keys.shards[*shard].log.clone(),
            after: format!("{}-0", core.tail.last(*shard)),
            source: *shard,
        };
        shards.iter().map(asked).collect()
    }

    fn take(core: &Shared, (): &mut (), read: Vec<(usize, Vec<RawEntry>)>) -> Result<Fit, Error> {
        let mut fit = Fit::Next;
        for (shard, entries) in read {
            let log = &core.keys.shards[shard].log;
            for entry in entries {
                if fit == Fit::Next {
                    fit = core.tail.append(shard, StreamEntry::read(entry, &core.link, log)?);
                }
            }
        }
        core.tail.tell(|_| {});
        Ok(fit)
    }

    fn begin(core: &Shared, (): &mut (), shard: usize, registration: &Registration) -> bool {
        let is_new = core.tail.begin(shard, registration, core.shards[shard].last());
        if is_new {
            core.tail.tell(|_| {});
        }
        is_new
    }

    fn fail(core: &Shared, _shards: &[usize]) {
        core.tail.tell(Reading::fail);
    }

    fn go_on(core: &Shared, _shards: &[usize]) {
        core.tail.tell(Reading::go_on);
    }
}
