//! A layer in front of a backend whose heartbeats cost a round trip: most of them it answers itself.
//!
//! ```text
//! online(ids) ──► refreshed lately? ── yes ──► Ok                                    (most heartbeats)
//!                   │ no
//!                   ▼
//!                 queue ──► one call at a time, of many callers' ids ──► inner.online ──► remembered until refreshed again
//!                                                                        inner.events ──► who goes offline is forgotten
//! ```
//!
//! # What a heartbeat keeps
//!
//! ```text
//!  refreshed at t                                                        deadline of the inner backend
//!  ├── answered here ──────────┊ t + 0.8 to 1.2 × (1 − fraction) × TTL ───────────┤ t + TTL
//!                              └ the first heartbeat from here on goes through
//! ```
//!
//! A heartbeat that is answered here moves no deadline. So a heartbeat keeps its id online for at least [`Config::kept`],
//! which is 40 % of the TTL by default, and at most the TTL. Beat every half of `kept`, so that one may be lost; and
//! count the difference into how late an offline event may be. All else of [`Backend`](crate::Backend) is as the
//! inner backend has it, with one exception: `last_seen` of who is offline is the last heartbeat that went through.
//!
//! # Never silent
//!
//! What is answered here rests on what is remembered, and that is forgotten
//!
//! - when a call fails: its callers get the error, each for their own ids, and the next heartbeat goes through;
//! - when this handle ends an id or a device, before and after the inner call;
//! - when the inner events say that an id is offline, whoever did it; all of it when those events lag or fail, or
//!   end.
//!
//! What remains: an id that *another* process ends is offline here once the event has arrived. Heartbeats in between, a
//! moment as long as the inner backend's delivery takes, are answered though the id is offline. The next one brings it back.
//! The same holds, until the inner stream gives its error, for a store that lost its memory.
//!
//! # Devices
//!
//! Heartbeats of devices are answered here in the same way. Those that go through go alone, as
//! [`Backend`](crate::Backend) has no batch of them. Held devices have no heartbeats and pass.
//!
//! # Bounds
//!
//! | what | bound |
//! |---|---|
//! | ids remembered | [`Config::known_max`], 108 bytes each; the first to be refreshed are forgotten first, and go through |
//! | ids that beat no more | forgotten when their deadline has passed and others are refreshed |
//! | calls that wait to be sent | [`Config::waiting_max`], of at most [`Config::batch_max`] ids each |
//! | how long they wait | [`Config::wait_max`], then `Unavailable`; then comes what the inner call takes |

//!
//! # Figures
//!
//! Measured with a million ids of up to 38 bytes on two busy virtual cores, `cargo bench -p benches --bench presence_memory`:
//! a heartbeat that is answered here takes 109 ns of CPU time in batches of 1,000, in random order, and 130 ns in
//! batches of 100.

mod backend;
mod batch;
mod batcher;
mod config;
mod entry;
mod known;
mod part;

pub use self::backend::Throttled;
pub use self::config::Config;
