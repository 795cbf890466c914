//! A layer in front of a backend whose heartbeats cost a round trip.
//!
//! It answers most of them itself.
//!
//! ```text
//! online(ids) ──► refreshed lately? ── yes ──► Ok                                    (most heartbeats)
//!                   │ no
//!                   ▼
//!                 queue ──► one call at a time, of many callers' ids ──► inner.online ──► remembered until refreshed again
//!                 ▲                                                      inner.events ──► who goes offline is forgotten
//!  answered here since the last call, and answers end: one more call, without a caller
//! ```
//!
//! # What a heartbeat keeps
//!
//! ```text
//!  refreshed at t         end of answers, t + 0.8 to 1.2 × (1 − fraction) × TTL      t + TTL, deadline of the inner backend
//!  ├── answered here ♥────────────┤─────────────────────────────────────────────────┤
//!                    h            └ if there was an h: passed on now; if not: the next heartbeat goes through
//! ```
//!
//! A heartbeat keeps its id online for the TTL, as without a throttle: one that is answered here
//! moves no deadline at once, but is passed on when answers end, before the inner deadline. So beat
//! as the inner backend asks.
//!
//! The price is paid by silent ids whose last heartbeat, at `h`, was answered here. The one that is
//! passed on for it counts from when it is passed on, so their offline event is later than `h +
//! TTL` by the time in between. That is at most [`Config::lateness`], 60 % of the TTL by default,
//! plus up to 0.1 s until the throttle looks, plus what the calls of those before it take. On
//! average it is half the interval of the heartbeats. It comes on top of the inner backend's own
//! bound. Passing it on later would save calls, and make it later still.
//!
//! `last_seen` is exact while nothing was passed on for the last heartbeat, and as late as the
//! offline event after that. All else of [`Backend`](crate::Backend) is as the inner backend has
//! it.
//!
//! # Never silent
//!
//! What is answered here rests on what is remembered, and that is forgotten
//!
//! - when a call fails: its callers get the error, each for their own ids, and the next heartbeat
//!   goes through. What was answered before is still owed, and tried again until its TTL is over;
//! - when this handle ends an id or a device, before and after the inner call, which waits for a
//!   heartbeat of that id that is being passed on;
//! - when the inner events say that an id is offline, whoever did it; all of it when those events
//!   end. When they lag or fail, nobody is answered, and what is owed is passed on for who is still
//!   online by `status`.
//!
//! What remains: an id that *another* process ends is offline here once the event has arrived.
//! Heartbeats in between, a moment as long as the inner backend's delivery takes, are answered
//! though the id is offline. The next one brings it back. A heartbeat that is passed on in that
//! moment brings it back too, once, for a TTL. The same holds, until the inner stream gives its
//! error, for a store that lost its memory.
//!
//! What is owed goes with the process: after a crash or [`shutdown`](crate::Backend::shutdown) it
//! is not passed on, and the inner deadline of the last heartbeat that went through holds. An
//! offline event of an earlier end that arrives late forgets it too. Heartbeats whose callers wait
//! at a shutdown go through before the inner backend ends, within the grace time.
//!
//! A task of the throttle that panics, as when the inner backend does, is started again, and the
//! state is `Down` meanwhile: callers whose heartbeats it had get an error, nobody else waits for
//! longer than a second, and nobody is answered by what it may have missed.
//!
//! # Devices
//!
//! Heartbeats of devices are answered here in the same way. Those that go through or are passed on
//! go alone, as [`Backend`](crate::Backend) has no batch of them. Held devices have no heartbeats
//! and pass.
//!
//! # Bounds
//!
//! | what | bound |
//! |---|---|
//! | ids remembered | [`Config::known_max`], 108 bytes each; heartbeats of those beyond go through |
//! | ids that beat no more | forgotten when answers end; those who beat in between, one call later |
//! | calls of callers that wait to be sent | [`Config::waiting_max`], of at most [`Config::batch_max`] ids each |
//! | how long they wait | [`Config::wait_max`], then `Unavailable`; then comes what the inner call takes |
//! | heartbeats that are passed on | one call at a time, of at most `batch_max` ids; those of devices, 64 at a time |
//!
//! # Figures
//!
//! Measured with a million ids of up to 38 bytes on two virtual cores, `cargo bench -p benches
//! --bench presence_memory`: a heartbeat that is answered here takes 92 ns of CPU time in batches
//! of 1,000, in random order, and 122 ns in batches of 100.

mod backend;
mod batch;
mod batcher;
mod config;
mod forwarder;
mod health;
mod refresh_entry;
mod refresh_table;
mod stripe;

pub use self::backend::Throttled;
pub use self::config::Config;
