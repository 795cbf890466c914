//! Presence in the keys and notifications of the Go package.
//!
//! Both can run side by side. For a migration from `presence` (once `redisence`) for Go: its
//! processes and ours see, refresh and end each other's ids. Where there is nothing to be
//! compatible with, take [`leases`](crate::leases): it is prompt and loses nothing.
//!
//! ```text
//! online(ids) ──► MULTI EXPIRE … EXEC, MULTI SETEX … EXEC ──►┌───────────────────────────┐
//! held devices ─► the same, at every third of the TTL ──────►│ presence:alice = "alice"  │ one key per id
//!                                                            └────────────┬──────────────┘
//!                                     __keyevent@0__:set, :expired, :del  │
//!                       mirror: who is online ◄── listener ◄──────────────┘
//!                          └──► bounded log ◄── each stream reads at its own pace
//! ```
//!
//! # Weaker than the contract
//!
//! Events are what Redis says about its keys, and it says it late, and once:
//!
//! - *Late.* A silent id is offline when Redis notices that its key has expired: by a look at the
//!   key, or by its cycle, ten times a second, over a sample of all keys that expire. With few keys
//!   this takes up to 0.2 s; with many of which few have expired it may take minutes. There is no
//!   bound. [`status`](presence_core::Presence::status) looks at the key and is exact.
//! - *Lossy.* What happens while this process is not connected, nobody tells it afterwards. Its
//!   streams then get `Unavailable` when the connection is lost and
//!   [`Lagged`](presence_core::ErrorKind::Lagged) when it is back, always; from there on events go
//!   on, and a new snapshot is true again. It is made from the keys themselves.
//! - *In this process.* Positions are good for streams of this process, while it lives. Another one
//!   gives `Lagged`.
//! - *Devices.* The key knows none. It lives until the last deadline of all, and a device that ends
//!   takes nothing from it: the id is offline up to a TTL and a grace time later, as
//!   [`Expired`](presence_core::Cause::Expired). To end it sooner would end it for the other
//!   processes that keep it, which only the ancestor's
//!   [`offline`](presence_core::Presence::offline) is meant to do. Held devices are kept by this
//!   process, at every third of the TTL; that an id came by one is known in its own process only.
//!
//! What it does keep: one event per transition for each stream, whoever and however many caused it,
//! with alternation per id; explicit departures at once; nothing about the keys of others; an id is
//! never reported offline because a read failed, nor, after a loss, before the deadline that its
//! last heartbeat may have set.
//!
//! | law of the contract | excused, because |
//! |---|---|
//! | `id_is_online_while_any_device_is`, `ended_device_does_not_wait_for_its_deadline` | a key knows no devices: one that ends leaves its id online until the key expires |
//! | `stream_resumes_from_any_position`, across processes | Redis keeps no events: a position is good in the process that gave it |
//!
//! # What Redis has to be
//!
//! One server, or the master that sentinels name; not a cluster, whose notifications and
//! transactions end at each node. Its setting `notify-keyspace-events` must have `E`, `g`, `x` and
//! `$`, and `e` where it may evict keys; [`Notifications`] says whether that is checked or done. A
//! user of its own needs, for the default prefix and database 0:
//!
//! ```text
//! ~presence:* &__keyevent@0__:set &__keyevent@0__:expired &__keyevent@0__:del &__keyevent@0__:evicted
//! +expire +pexpire +setex +psetex +exists +pttl +scan +multi +exec +psubscribe +ping +info +select
//! +config|get +config|set        the first unless notifications are assumed, the second to have them set
//! ```
//!
//! # Failures
//!
//! | what | then |
//! |---|---|
//! | Redis away, or standing still | calls fail with `Unavailable` within [`LinkConfig::timeout`](crate::LinkConfig::timeout) for each of their transactions, of which there are two per 10,000 ids at most; streams say so within 2 s and that time |
//! | Redis back | streams get `Lagged`; all keys are read; who is held is written again; who is missing has the TTL and the grace time to come back |
//! | `FLUSHALL`, which Redis tells nobody | noticed within about 1 s by looks at a few keys; then the same, without `Lagged` |
//! | out of memory | heartbeats of those online go on, arrivals fail, the state says so |
//! | Redis takes no writes (`READONLY`, `MISCONF`, `NOREPLICAS`, no right) | keys that nobody can renew expire, and nobody goes by that until half a TTL and 1 s after it takes some again: until then [`status`](presence_core::Presence::status) says `Unavailable` instead of offline, as do counts and listings once a key has expired; who has not come back goes then. A process that starts after keys expired cannot know of it |
//! | the key of a held id is gone, as after a failover | where it is held its status is online, or `Unavailable` while Redis takes no writes or is not heard; its key is made again at once |
//! | a key evicted | an event, as if it had expired; who is held is written again at once. A Redis that may evict (`allkeys-…`, `volatile-…`) is warned of in the log, within 2 s, and by [`warnings`](presence_core::Presence::warnings) |
//! | `notify-keyspace-events` changed by somebody else | noticed within 1 s, unless notifications are assumed: streams say `Unavailable`, and `Lagged` when it is set again, by itself or, with [`Notifications::Check`], by whoever changed it |
//! | a task of this layout panics | it is started again within 1 s, and the state is `Down` meanwhile; if it is the one that hears, as a lost connection |
//! | a failover by sentinels | as away and back; what the new master did not know is missing |
//!
//! # Cost
//!
//! A heartbeat is a command: put [`Throttled`](presence_core::throttled) in front. Every process
//! hears every transition, and keeps every id that is online in its mirror, about 80 bytes for one
//! of up to 38 bytes.
//!
//! # Stopping
//!
//! Four tasks listen, keep, look and try. The last one finds out, every second or third of the TTL,
//! whether Redis takes writes, by a key with a TTL of 0 seconds, which Redis refuses after it has
//! looked: nothing is written. So it is known also while nobody calls. They end with
//! [`Presence::shutdown`](presence_core::Presence::shutdown), which waits for them, or when the
//! last handle is dropped. In both cases they first hear what had happened by then, but wait for
//! Redis no longer than a call does. Keys are left to expire, as if the process had died.

mod auditor;
mod backend;
mod config;
mod feed;
mod health;
mod held;
mod key_events;
mod keys;
mod listener;
mod log_record;
mod mirror;
mod notifications;
mod refresher;
mod remembered;
mod shared;
mod store;
mod subscription;
mod transactions;
mod trial;

pub use self::backend::Keyspace;
pub use self::config::{Config, Notifications};
