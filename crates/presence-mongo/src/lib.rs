//! Liveness of arbitrary keys on MongoDB: pingers and watchers.
//!
//! An agent, a process or a user is alive while a [`Pinger`] of its key pings; a [`Watcher`] in any
//! other process knows it, and tells when it comes and goes. Starts and kills are seen within
//! milliseconds; a process that crashes is seen by age, after two time slots at most. Nobody has to
//! clean up: whoever does not ping is dead, also when all processes were killed at once.
//!
//! ```no_run
//! # async fn example() -> Result<(), presence_mongo::Error> {
//! use presence_mongo::{Base, Config, Pinger, Watcher};
//!
//! let base = Base::start(Config::new("mongodb://127.0.0.1:27017/app")).await?;
//! let mut pinger = Pinger::new(&base, "machine 7")?;
//! pinger.start().await?;
//!
//! let watcher = Watcher::new(&base)?;
//! let mut changes = watcher.watch(["machine 7", "machine 8"])?;
//! while let Some(change) = changes.next().await {
//!     match change {
//!         Ok(change) => println!("{}: {}", change.key, change.alive),
//!         Err(error) => println!("{error}"), // and the stream goes on
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The program `examples/roll_call.rs` pings for many keys and prints every change of them.
//!
//! # How it works
//!
//! Time is cut into slots, 30 s long unless [`Config::slot`] says otherwise, by the clock of the
//! database. Each start takes a number, and each slot has one document with a bit for every number
//! that pinged in it. Whoever has a bit in the current slot or the one before is alive. All pingers
//! of a process set their bits by one update in a slot; a start or a kill is written at once.
//!
//! ```text
//!  pinger ─ start ─► number, being ─► bit of this slot, then of each ─► stop: ages, 1 to 2 slots
//!                                                                    └► kill: dead at once
//!  watcher ◄─ change stream: bits as they are set; at each slot, and on `sync`: slots that count
//! ```
//!
//! Several pingers may have one key: the one that started last decides. So a restart leaves no gap,
//! a kill counts although an older pinger still has its bits, and the key is alive again two slots
//! later if that one still pings.
//!
//! | what happens | watchers see it |
//! |---|---|
//! | [`Pinger::start`], [`Pinger::kill`] | milliseconds after it returns; where the database has no change streams, in the next slot |
//! | [`Pinger::stop`], a drop | one to two slots after the last ping |
//! | a process crashes, or all of them | the same |
//! | a slot in which the database could not be written | deaths by age wait until a whole slot has gone well |
//!
//! # When the database is away
//!
//! A start or a kill fails when the [timeout](LinkConfig::timeout) of the link is over. Pings are
//! tried again within their slot; [`Pinger::error`] says why they fail. Watchers keep the last
//! state, tell the outage once on each stream, and say [`WatcherState::Unavailable`]. **A read that
//! fails, or a change stream that is silent, makes nobody dead**: only slots that a majority has,
//! and in which everybody could write, do that. So when the database was away for longer than
//! a slot, nobody is declared dead for lack of pings that nobody could write; whoever crashed in
//! that time is dead after one more slot that went well.
//!
//! A primary that was cut off answers reads by what it had, until it steps down after the election
//! timeout, 10 s unless it was set. So before anybody is dead by age the slots are read once more,
//! by a read that a majority confirms: a watcher whose network reaches only such a primary says
//! `Unavailable`.
//!
//! The clock of the database is read again and again with the round trip taken out; the clock of
//! this machine is never looked at, so setting it does no harm. When the clock of the database is
//! set, or another primary has another clock, nobody dies before a whole slot by the new time has
//! gone well. If it was set back, the pruner removes the slots that lie ahead then, after two or
//! three that go well: whoever has crashed is dead after seven at most. They stay without a pruner
//! until somebody calls [`Base::prune`], and always where the address leads to routers, as each has
//! a clock of its own: then the dead look alive once more, for two slots, when the time of such a
//! slot comes. The clocks of routers may be an eighth of a slot apart.
//!
//! [`WhenAway`] says what a start does while the database is away. A wrong password is refused
//! either way. A change stream that cannot be opened, or is lost, is tried again by itself;
//! meanwhile watchers poll, once in a slot.
//!
//! # Bounds
//!
//! Old slots and beings that a later start of their key supersedes are removed by every process,
//! now and then, or by [`Base::prune`]; what lives stays. So there are at most five slots, or
//! twelve while they do not go well, and one being for each key that ever was, beside those since
//! the last pruning. A stream holds each of its keys once, however slowly it is read. A slot's
//! document has 13 bytes for 63 numbers: above about 200,000 beings in a namespace every update of
//! it costs noticeably more, so split them.
//!
//! # Shutdown
//!
//! [`Base::shutdown`] finishes starts and kills that are under way, and ends all else. Keys whose
//! pingers were not killed die by age.
//!
//! # Metrics
//!
//! Through the crate `metrics`; `tracing` tells pings, reads and changes at debug.
//!
//! | name | what it counts |
//! |---|---|
//! | `presence_mongo_pingers` | pingers of this process that ping |
//! | `presence_mongo_alive_keys`, `presence_mongo_watched_keys` | keys that are alive where somebody watches, and keys that are watched |
//! | `presence_mongo_starts_total`, `presence_mongo_kills_total` | what pingers did |
//! | `presence_mongo_updates_total`, `presence_mongo_flush_seconds`, `presence_mongo_flush_failures_total` | updates of slots, how long a flush took, those that failed |
//! | `presence_mongo_sync_seconds`, `presence_mongo_sync_failures_total` | reads of slots, those that failed |
//! | `presence_mongo_beings_read_total`, `presence_mongo_changes_total` | beings that were looked up, keys that came or went |
//! | `presence_mongo_change_streams`, `presence_mongo_lags_total` | whether the change stream lives, how often it missed something |
//! | `presence_mongo_slot_bytes` | the largest slot that was read last |
//! | `presence_mongo_slots`, `presence_mongo_beings`, `presence_mongo_pruned_total` | documents after the last pruning, and how many were removed |
//!
//! # Third-party types in the interface
//!
//! `futures_core::Stream`; and [`LinkConfig`] and [`WhenAway`] of `mongo-link`. The client is the
//! official driver.
#![doc = include_str!("../docs/coming-from.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs, clippy::must_use_candidate)]

mod base;
mod batcher;
mod change;
mod change_buffer;
mod clock;
mod config;
mod error;
mod keys;
mod listener;
mod liveness;
mod local_beings;
mod mailbox;
mod metrics;
mod namespace;
mod newcomer;
mod pinger;
mod prune;
mod pruner;
mod reader;
mod registrar;
mod shared;
mod slots;
mod space;
mod store;
mod unread;
mod watch_stream;
mod watch_table;
mod watcher;
mod watching;

pub use self::base::Base;
pub use self::change::Change;
pub use self::config::{Config, Detection};
pub use self::error::{Error, ErrorKind};
pub use self::keys::IntoKeys;
pub use self::pinger::Pinger;
pub use self::pruner::Pruned;
pub use self::watch_stream::{StreamKeys, WatchStream};
pub use self::watcher::{Watcher, WatcherState};
pub use mongo_link::{LinkConfig, WhenAway};
