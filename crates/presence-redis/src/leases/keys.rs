//! Every key, only here.
//!
//! A shard's keys share a hash tag, so that in a cluster they share a slot. `P` is
//! [`Config::prefix`](super::Config::prefix), `N` a shard, `p` a process:
//!
//! | key | type | what | lives |
//! |---|---|---|---|
//! | `{P:N}:life` | hash | `epoch`, 16 hexadecimal digits: the name of the epoch of the data; `run`: the server's run id that it began on; `start`, `seq`: numbers before its first and of its last event; `roster`: counts changes of `leases`; `reaper`: until when somebody lets others go, ms; `layout`: `leases 1 <shards>`, the version of the keys, which refuses processes that keep to another one; `call:p`: the number of the last write of `p`; `closed:p`, if it was closed; `doubt_from`, `doubt_until`: after a time in which nobody could renew, from which end of a lease on a process may come back, and until when, ms | for ever |
//! | `{P:N}:held` | hash | id → the processes that hold it, with commas: who is online | while somebody holds it |
//! | `{P:N}:by:p` | set | the ids that `p` holds; of `by:~`, ids that left while the shard was recovering | while there are any |
//! | `{P:N}:leases` | sorted set | process → end of its lease, ms; below zero once others let it go | until it is let go |
//! | `{P:N}:await` | sorted set | process → until when it is waited for to announce what it holds, ms; `~` for those that nobody knows | while recovering |
//! | `{P:N}:log` | stream | events, several to an entry: `at` ms, then pairs of a cause and an id; or `life` and an epoch that begins. The entry's id is the number of its last event | `events_max` |
//! | `{P:N}:seen`, `{P:N}:seen:before` | hash | offline id → last sign of life, ms; when the first is full it takes the place of the second | `remembered_max` in both |
//! | `{P:mail:p}` | stream | what other processes ask of `p`, and their answers | a minute |
//!
//! Rooms lie in shards of their own, once they are used. Their tag is `{P:N:rooms}`, and what is
//! held is a seat: room, line feed, id. Their `life` also has `forgot`, the highest number of a log
//! that was dropped; their `log` tells of epochs alone, `seen` is not there, and there are
//!
//! | key | type | what | lives |
//! |---|---|---|---|
//! | `…:room:<room>` | hash | member → payload | while there are members |
//! | `…:log:<room>` | stream | events: `from`, the number before the room's first event; `at` ms; `count`, the members before them; then pairs of a cause with an id, and a payload. The entry's id is the number of its last event | `room_events_max`, and 5 minutes after the last member left; not beyond an epoch |
//! | `…:empty` | sorted set | room that has a log and no members → since when, ms | as that log |
//! | `…:nudge:p` | stream | ends a read of `p` that does not know of the latest room it follows | a minute |
//!
//! Every key begins with a brace, so that none is one of the keyspace layout, `P:<id>`, under the
//! same prefix. Earlier versions kept the layout in `P:layout`, which is looked for at the start
//! and removed.
//!
//! The key `life`, and the word `life` in logs and in the answers of scripts, are what the code
//! calls an epoch; the older word stays, as it is in stored data.
//!
//! Causes: `h` heartbeat, `k` held; `x` expired, `e` ended, `o` told offline or removed; `s` shows
//! something else. All times are of the server, since 1970.

use presence_core::rooms::Room;

use super::space::Space;

/// The keys of all shards.
#[derive(Debug)]
pub(super) struct Keys {
    prefix: String,
    /// Where earlier versions kept the layout.
    pub(super) old_layout: String,
    pub(super) shards: Vec<ShardKeys>,
}

/// The keys of one shard.
#[derive(Debug)]
pub(super) struct ShardKeys {
    pub(super) life: String,
    pub(super) held: String,
    pub(super) leases: String,
    pub(super) awaited: String,
    pub(super) log: String,
    /// For ids the key `seen`, for rooms the key `empty`.
    pub(super) past: String,
    pub(super) past_before: String,
    sets: String,
    base: String,
}

impl Keys {
    /// The keys of a space.
    pub(super) fn new<S: Space>(prefix: &str, shards: usize) -> Self {
        Self {
            prefix: prefix.to_owned(),
            old_layout: format!("{prefix}:layout"),
            shards: (0..shards).map(|shard| ShardKeys::new::<S>(prefix, shard)).collect(),
        }
    }

    /// The mail of a process; of each of its names, should it have had several.
    pub(super) fn mail(&self, process: &str) -> String {
        let process = process.split('.').next().unwrap_or(process);
        format!("{{{}:mail:{process}}}", self.prefix)
    }
}

impl ShardKeys {
    fn new<S: Space>(prefix: &str, shard: usize) -> Self {
        let base = format!("{{{prefix}:{shard}{}}}:", S::TAG);
        let key = |name: &str| format!("{base}{name}");
        Self {
            life: key("life"),
            held: key("held"),
            leases: key("leases"),
            awaited: key("await"),
            log: key("log"),
            past: key(S::PAST),
            past_before: key(&format!("{}:before", S::PAST)),
            sets: key("by:"),
            base,
        }
    }

    /// The set of what a process holds.
    pub(super) fn set(&self, process: &str) -> String {
        format!("{}{process}", self.sets)
    }

    /// The members of a room.
    pub(super) fn members(&self, room: &Room) -> String {
        format!("{}room:{room}", self.base)
    }

    /// The log of a room.
    pub(super) fn log(&self, room: &Room) -> String {
        format!("{}:{room}", self.log)
    }

    /// What ends a read of the logs of rooms.
    pub(super) fn nudge(&self, process: &str) -> String {
        format!("{}nudge:{process}", self.base)
    }
}
