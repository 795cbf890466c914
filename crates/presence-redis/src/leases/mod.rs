//! The leases layout: heartbeats stay in the process, Redis hears of transitions.
//!
//! ```text
//!  online(ids) ──► Tracker: deadlines of this process ──► Outboxes: an outbox for each shard
//!                    ▲ every 10 ms                              │ first device of an id here, last one gone
//!                  sweeper                                      ▼
//!                                            Writer of the shard ──► scripts in Redis ──► log of the shard
//!                          what is told, the lease, what follows                             │
//!                                                                                            ▼
//!  events() ──► Subscription: a place in each log ◄── Tail: the latest events ◄── Follower: one blocking read
//! ```
//!
//! Each process holds the deadlines of the ids that it was told about, and has one *lease* in each
//! shard of the data. Redis knows which processes hold an id: it is online while one does. A
//! process tells Redis when it begins and ceases to hold an id; a heartbeat in between is a write
//! to its own memory. So a million idle users cost Redis a few renewals a second, and an offline
//! event is as prompt as a local timer.
//!
//! # Bounds
//!
//! | what | bound |
//! |---|---|
//! | TTL | 10 ms to 365 days, whole milliseconds |
//! | offline event after the deadline and the grace time | [`Leases::LATENESS`], 50 ms, on an idle machine |
//! | the ids of a process that died | offline between TTL + grace and TTL + grace + 2 s after its end, once each, if another process is left; nobody is reported online later, also if none is |
//! | calls while Redis is away | fail with `Unavailable` within [`LinkConfig::timeout`](crate::LinkConfig::timeout); in a cluster only those about ids of the masters that are away |
//! | [`state`](presence_core::Presence::state) | follows each shard's renewals, every 0.4 s, and what came of other writes |
//! | events kept in Redis | [`Config::events_max`] in all shards together; a stream that falls further behind gets `Lagged` |
//! | offline ids remembered for `last_seen` | [`Config::remembered_max`] |
//! | events of one room kept in Redis | [`Config::room_events_max`], and those of a room without members for 5 minutes |
//! | steps not told yet while Redis is away | four times the names concerned |
//!
//! # When something fails
//!
//! **Redis is away.** Calls that have to reach it fail; what they asked for is done when it is
//! back, unless it was undone meanwhile. Heartbeats are taken for a second after the last renewal
//! of the lease, later they are kept but fail. Streams say `Unavailable` once and go on.
//!
//! **One of several is away**, a master of a cluster, or one with the first sentinel of the
//! address: the ids of the others do not notice, a process may start, and a failover that Redis has
//! made is followed within about half a second. Streams go on with the shards that are there; a new
//! stream, a count or a listing needs all, and says within the time of a call how many are missing
//! and which server does not answer. See [`redis_link`].
//!
//! **Redis takes no writes** (`READONLY`, `MISCONF`, `NOREPLICAS`, a user without the right):
//! leases cannot be renewed, and run out. A process that could not renew its own for a second
//! answers reads with `Unavailable`, since nobody can know any more who is there; nobody is
//! reported offline by it. When writes are taken again the first renewal notes in Redis that nobody
//! could renew before it: for 5 s, or until they have, those whose leases ran out by that are
//! neither let go of nor said to be online, also by a process that has only just entered: reads
//! about what they hold, counts and listings answer `Unavailable`. A process that crashed looks the
//! same if no other was left to renew, and one that was shut down does not.
//!
//! **Redis is out of memory** and may not evict: nobody can come, and calls that would let somebody
//! in, or show something else, fail; what they asked for is done when there is memory. Whoever
//! leaves, falls silent, or is told offline is written, which is what frees memory, and leases are
//! renewed.
//!
//! **Redis evicts keys** (`maxmemory-policy` is `allkeys-…`): then it removes presence itself, and
//! nobody notices in time. That is warned of in the log, once for each server, within half a
//! second of the start and 2 s of a change, and by
//! [`warnings`](presence_core::Presence::warnings). Set it to `noeviction`.
//!
//! **Redis lost data, or another server took its place.** Nobody can know which of the last writes
//! survived a restart or a failover, so the shard begins a new *epoch*: positions of the one before
//! give `Lagged`, every process announces what it holds, and until all that were there have done so
//! (for 1 to 5 s) reads of ids that are not found fail with `Unavailable`, as do snapshots, and so
//! does a call that tells somebody offline. Nobody is reported offline because Redis forgot, but
//! for who is held by a process alone that needs longer than that. A process that ended before a
//! restart counts for nothing after it.
//!
//! **A process dies.** Its lease runs out when the last heartbeat that it can have taken is over.
//! Then another process lets its ids go, in chunks; several may do so at once.
//!
//! **A process is cut off.** It cannot renew, so its heartbeats fail. If its lease runs out its ids
//! are let go; when it is back it finds the lease lost, takes a new name and announces what it
//! still holds. What its dead connections deliver late has no effect, and what is said again since
//! no answer came has none a second time: every write of steps has a number.
//!
//! **Redis stands still.** Nobody could renew meanwhile, so nobody is let go for as long again.
//!
//! **Somebody is told offline** while other processes hold the id. The event is out when the script
//! ran. The others are told by mail and asked to confirm, for at most 250 ms; one that does not
//! find out by mail does so when it compares counts, which it does with each renewal while nobody
//! comes or goes, and in any case every 5 minutes.
//!
//! # Rooms
//!
//! [`RoomBackend`](presence_core::rooms::RoomBackend) is the same machinery once more, in shards of
//! its own, with a seat in a room in the place of an id. They are begun by the first call about a
//! room, so that presence alone costs what it does. A room lies in one shard, with its members,
//! their payloads and a log of its own. A process reads the logs of the rooms that it has streams
//! of and no others; as one blocking read names them all, some thousands of them are enough for a
//! process. Each process remembers what it wrote last for the seats that it holds, and says that
//! again should Redis lose it: of devices at several processes the first to do so decides.
//!
//! # Cluster
//!
//! The keys of a shard share a hash tag, so each script runs on one master, and a slot may move at
//! any time. Nothing is sent to all nodes. A slot that has moved is a new epoch of its shard: calls
//! wait until it has recovered, within their time. A process that has streams keeps one connection
//! per shard for them, as a blocking read takes the keys of one slot only; on a single server it is
//! one for all.
//!
//! # Needs
//!
//! Redis 7 or later, with scripts. Its clock should not jump by more than the TTL.
//!
//! # Panics
//!
//! A task that panics is started again within 1 s, the state is `Down` meanwhile, and calls that
//! wait for it fail with `Unavailable`. The writer of a shard says all that is held here again,
//! under the same name, and compares it with what Redis has.
//!
//! # Stopping
//!
//! [`shutdown`](presence_core::Presence::shutdown) writes what is left for as long as a call may
//! take, gives streams what was written, and ends all tasks. If Redis does not answer, a stream
//! that may miss something says `Unavailable` before it ends. What this process kept online stays
//! so until its lease runs out, as if it had died.

mod answer;
mod asking;
mod awake_clock;
mod backend;
mod calls;
mod config;
mod follower;
mod health;
mod ids;
mod keys;
mod listing;
mod log_range;
mod log_tail;
mod logs;
mod mail;
mod missed;
mod open_requests;
mod outbox;
mod outboxes;
mod policy_watch;
mod reader;
mod record;
mod recovery;
mod renewals;
mod rooms;
mod script;
mod scripts;
mod shard;
mod shared;
mod snapshot;
mod space;
mod stage;
mod subscription;
mod tasks;
mod told;
mod writer;
mod writes;

pub use self::backend::Leases;
pub use self::config::Config;
