//! What followers read for streams of rooms.
//!
//! That is the logs of the rooms that somebody here follows, those of the shards, which tell when
//! an epoch begins, and the nudge of this process: an entry there ends a read that does not know of
//! the latest room yet.

use std::collections::HashMap;

use presence_core::Error;
use presence_core::rooms::Room;

use super::space::RoomSpace;
use crate::leases::follower::{Asked, BLOCK, Followed};
use crate::leases::log_tail::Fit;
use crate::leases::record::{RawEntry, StreamEntry};
use crate::leases::script::ms;
use crate::leases::shard::Registration;
use crate::leases::shared::Shared;

/// What a key of a read is.
#[derive(Debug)]
pub(in crate::leases) enum Source {
    Nudge,
    Shard,
    Room(Room),
}

/// What a follower of rooms remembers.
#[derive(Debug, Default)]
pub(in crate::leases) struct Memo {
    /// Where the epochs of the shards begin.
    starts: HashMap<usize, u64>,
    /// The latest nudge.
    nudged: Option<String>,
}

impl Followed for RoomSpace {
    type Source = Source;
    type Memo = Memo;

    const ENTRIES_MAX: usize = 64;

    fn asked(shared: &Shared<Self>, shards: &[usize], memo: &Memo, ending: bool) -> Vec<Asked<Source>> {
        let keys = &shared.keys.shards;
        let nudged = memo.nudged.clone().unwrap_or_else(|| "0-0".to_owned());
        let mut asked = vec![Asked { key: shared.nudge_of(shards[0]), after: nudged, source: Source::Nudge }];
        // At the end nobody needs to hear of an epoch that begins. Before it, the shards are read
        // first: in a new epoch the logs of the rooms are others.
        for shard in shards.iter().filter(|_| !ending) {
            let start = memo.starts.get(shard).copied().unwrap_or_default();
            let (key, after) = (keys[*shard].log.clone(), format!("{start}-0"));
            asked.push(Asked { key, after, source: Source::Shard });
        }
        for (room, shard, last) in shared.tail.followed(shards) {
            let (key, after) = (keys[shard].log(&room), format!("{last}-0"));
            asked.push(Asked { key, after, source: Source::Room(room) });
        }
        asked
    }

    fn take(
        shared: &Shared<Self>,
        memo: &mut Memo,
        read: Vec<(Source, Vec<RawEntry>)>,
    ) -> Result<Fit, Error> {
        for (source, entries) in read {
            match source {
                Source::Nudge => {
                    if let Some((id, _)) = entries.into_iter().next_back() {
                        memo.nudged = Some(id);
                    }
                }
                // What else was read is read again, in the new epoch.
                Source::Shard => return Ok(Fit::Epoch),
                Source::Room(room) => {
                    let key = shared.room_keys(&room).log(&room);
                    let entries =
                        entries.into_iter().map(|entry| StreamEntry::read(entry, &shared.link, &key));
                    shared.tail.append(&room, entries.collect::<Result<_, _>>()?);
                }
            }
        }
        // A gap in the log of a room is found by who reads there.
        Ok(Fit::Next)
    }

    fn begin(shared: &Shared<Self>, memo: &mut Memo, shard: usize, registration: &Registration) -> bool {
        shared.tail.begin(shard, registration);
        memo.starts.insert(shard, registration.start) != Some(registration.start)
    }

    // A stream of a room begins without waiting for its follower, and says itself where to read on.
    fn is_followed(shared: &Shared<Self>, shards: &[usize], _begun: bool) -> bool {
        !shared.tail.followed(shards).is_empty()
    }

    fn read_up_to(shared: &Shared<Self>, shard: usize) -> u64 {
        let followed = shared.tail.followed(&[shard]);
        // The rooms of a shard share their numbers. Without a room there is nobody to tell.
        followed.into_iter().map(|(_, _, last)| last).max().unwrap_or(u64::MAX)
    }

    fn fail(shared: &Shared<Self>, shards: &[usize]) {
        shared.tail.fail(shards);
    }

    fn go_on(shared: &Shared<Self>, shards: &[usize]) {
        shared.tail.go_on(shards);
    }
}

impl Shared<RoomSpace> {
    /// Makes the follower of a shard look again at which rooms are followed.
    pub(super) async fn nudge(&self, shard: usize) {
        let group = self.groups().into_iter().find(|group| group.contains(&shard)).unwrap_or_default();
        let key = self.nudge_of(group.first().copied().unwrap_or(shard));
        let mut pipeline = redis::pipe();
        pipeline.cmd("XADD").arg(&key).arg("MAXLEN").arg(1).arg("*").arg("look").arg("again");
        pipeline.cmd("PEXPIRE").arg(&key).arg(ms(BLOCK * 60));
        if let Err(error) = self.link.pipeline(&key, &pipeline).await {
            // The read ends by itself soon.
            tracing::debug!(
                error = %format_args!("{error:#}"),
                "the reader of room events could not be woken; it follows the room a little later"
            );
        }
    }

    fn nudge_of(&self, shard: usize) -> String {
        self.keys.shards[shard].nudge(&self.process(0))
    }
}
