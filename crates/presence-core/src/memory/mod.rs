//! The backend in memory: exact, complete, for one process.
//!
//! ```text
//! online(ids) ──► what this process keeps online: tracker::Tracker
//!                   │ each transition, while its id is locked
//!                   ▼
//!                 bounded log of events ◄── each stream reads at its own pace
//!
//! join(room, id) ──► the same for ids in rooms
//!                   │ each transition, while its room is locked
//!                   ▼
//!                 the room: its members, and a bounded log of its own
//! ```
//!
//! # Bounds
//!
//! | what | bound |
//! |---|---|
//! | TTL | [`Config::TTL_BOUNDS`], 10 ms to 365 days, whole milliseconds |
//! | offline event after the deadline and the grace time | [`Config::LATENESS`], 10 ms, and the time that others due at the same moment take |
//! | events kept | [`Config::events_max`], and 256 bytes for each of so many; a stream that falls further behind gets `Lagged` |
//! | events of rooms kept | [`Config::room_events_max`] of one room, [`Config::events_max`] of all, and 512 bytes for each of so many |
//! | rooms without members and streams | none: what was of them is forgotten |
//! | offline ids remembered for `last_seen` | [`Config::remembered_max`], the first to leave are forgotten first |
//! | devices of one id | none: who holds devices has to bound them, as a server does its connections |
//! | calls | none waits for anything but the lock of a 32nd of the ids, so none is ever `Unavailable` |
//!
//! # Time
//!
//! Deadlines follow tokio's clock, which a test can pause; a machine that sleeps does not age them.
//! Wall time is read for [`Event::at`](crate::Event::at) and `last_seen` alone.
//!
//! # Figures
//!
//! Measured with a million ids on two busy virtual cores, `cargo bench -p benches --bench
//! presence_memory`:
//!
//! | what | figure |
//! |---|---|
//! | resident memory per id of up to 38 bytes | 99 bytes |
//! | the same with one held device, or with an id of 64 bytes | 195 bytes |
//! | heartbeat, CPU time, in random order, in batches of 1,000 | 121 ns |
//! | the same in batches of 100; alone | 217 ns; 740 ns |
//! | arrival and explicit departure together, in batches of 1 to 10,000 | 0.9 to 1.5 µs |
//! | offline event of 10,000 that fall silent among them, after the deadline | p50 6 ms, p99 13 ms |
//! | everybody silent at once: the last is offline after | 0.35 s |
//!
//! With 10,000 ids, which fit into the cache, a heartbeat costs 43 ns in batches of 1,000 and 200
//! ns alone: beyond that it waits for memory, and in a batch those waits overlap.
//!
//! # Stopping
//!
//! One task looks after deadlines. It ends with [`Presence::shutdown`](crate::Presence::shutdown),
//! which waits for it, or when the last handle is dropped. What was online is forgotten with the
//! backend: a position of it gives `Lagged` in the next.

mod backend;
mod config;
mod id_ledger;
mod ids;
mod rooms;
mod shared;

pub use self::backend::Memory;
pub use self::config::Config;
