//! Who is online: a user, a machine, anything that beats or is connected.
//!
//! ```text
//!   online(ids), offline(ids)          ┌──────────┐       events(since)
//!   hold_device(id, device)   ───────► │ Presence │ ───►  Synced, Change, Change, …
//!   status, last_seen, count           └────┬─────┘
//!                                      dyn Backend:  memory::Memory here, others in their crates
//! ```
//!
//! # A tour
//!
//! ```
//! use std::time::Duration;
//!
//! use presence_core::memory::{Config, Memory};
//! use presence_core::{Presence, Since, Status, Update};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), presence_core::Error> {
//! let config = Config::default().ttl(Duration::from_secs(30)).grace(Duration::from_secs(5));
//! let presence = Presence::new(Memory::start(config)?);
//!
//! let mut events = presence.events(Since::Now).await?;
//! presence.online(["alice", "bob"]).await?; // and again every 10 s: a heartbeat
//! presence.hold_device("carol", "connection 7").await?; // needs none
//! assert_eq!(presence.status(["bob", "dave"]).await?, [Status::Online, Status::Offline]);
//!
//! presence.offline(["bob"]).await?; // at once
//! presence.end_device("carol", "connection 7").await?; // in 5 s, unless she is back
//!
//! // Nobody beats any more: alice is offline in 35 s.
//! let mut seen = Vec::new();
//! while seen.len() < 6 {
//!     if let Some(Update::Change(event)) = events.next().await.transpose()? {
//!         seen.push(format!("{} {} {:?}", event.id, event.status, event.cause));
//!     }
//! }
//! assert_eq!(
//!     seen,
//!     [
//!         "alice ONLINE Heartbeat",
//!         "bob ONLINE Heartbeat",
//!         "carol ONLINE Held",
//!         "bob OFFLINE Explicit",
//!         "carol OFFLINE Ended",
//!         "alice OFFLINE Expired",
//!     ]
//! );
//! assert!(presence.shutdown(Duration::from_secs(5)).await);
//! assert!(events.next().await.is_none());
//! # Ok(())
//! # }
//! ```
//!
//! # Words
//!
//! | word | meaning |
//! |---|---|
//! | [`Id`] | what is present, 1 to 512 bytes of UTF-8 without control characters |
//! | heartbeat | a call of [`Presence::online`] or [`Presence::beat_device`] |
//! | time to live (TTL) | how long one heartbeat keeps an id online |
//! | [`Device`] | one of several sources of presence for one id; an id is online while any of its devices is |
//! | grace | how long an id is still reported online after its last device was lost or ended |
//! | [`Event`] | one transition of one id between online and offline |
//! | [`Position`] | where in the events a subscriber is |
//!
//! Times are [`Duration`](std::time::Duration)s of whole milliseconds.
//!
//! # Two kinds of device
//!
//! ```text
//!  beating   ♥────♥────♥──────────┊ deadline ~~~~ grace ~~~~▌offline    (Expired)
//!                      └── TTL ───┘
//!  held      ├── hold_device ─────────── end_device ~~~~ grace ~~~~▌offline    (Ended)
//!  either    ├─────────────────── offline ▌offline                     (Explicit)
//! ```
//!
//! A *beating* device says that it is there, again and again: a phone, a machine, an HTTP client.
//! It is lost when a heartbeat does not come. Beat every third of the TTL, so that one may be lost
//! on the way; two, if the third is not a moment late. A [throttle](throttled) in front takes
//! nothing from that; it makes offline events later.
//!
//! A *held* device is one whose end this process will see itself, such as a WebSocket connection of
//! its own: [`Presence::hold_device`] when it opens, [`Presence::end_device`] when it closes,
//! nothing in between, be it for days. It costs no heartbeats and has no deadline. What covers it
//! is the life of the process: a store that outlives the process keeps one lease for all the
//! devices the process holds, and lets them go when that runs out. In the memory backend, they live
//! and die together.
//!
//! The server's rule, "a user is online while any of their connections is open", is therefore: one
//! id per user, one held device per connection, named by the connection's id. A page that reloads
//! is back within the grace time, and nobody hears of it.
//!
//! # Delivery
//!
//! - A transition gives exactly one event, however many handles, devices or duplicates in a call
//!   caused it. Per id, events alternate between online and offline. A heartbeat of an id that is
//!   online gives none.
//! - An explicit [`offline`](Presence::offline) is an event before the call returns. A silent id
//!   stays online until its event, which comes no earlier than its deadline plus the grace time and
//!   no later than a bound that each backend states: for [`memory`], 10 ms.
//! - A stream misses nothing from the moment [`Presence::events`] returned, and can go on from the
//!   [`Position`] of any event while the backend retains what followed. If it does not, the stream
//!   says [`Lagged`](ErrorKind::Lagged); then take a new [snapshot](Since::Snapshot), which is
//!   followed by the changes without a gap.
//! - A read that fails is an error, never "everybody is offline". A batch never stops at its first
//!   bad id: see [`BatchError`].
//!
//! # Lagging
//!
//! A stream holds no queue of its own: it reads the log of the backend, which is bounded. One that
//! reads too slowly, or comes back too late, gets an error of kind [`Lagged`](ErrorKind::Lagged),
//! with the number of lost events if that is known, and goes on with the oldest event there is. The
//! events of an id need not alternate across it. A copy of who is online is then to be thrown away
//! and made again from a snapshot.
//!
//! # When the store fails
//!
//! [`Presence::state`] says whether the store takes what is written, and if not why: [`State`]. A
//! readiness check needs to read nothing else. It follows writes, which the backend tries by
//! itself, so that it is true also while nobody calls.
//!
//! # Rooms
//!
//! Who is in a channel, and what they show each other there, is kept in the same way: see
//! [`rooms`].
//!
//! # Another store
//!
//! A store implements [`Backend`], and [`RoomBackend`](rooms::RoomBackend) if it keeps rooms,
//! whose documentation says what it may assume and what it must keep. Feature `contract` has those
//! laws as a test suite that any backend can run. Behind the feature `tracker` there are the
//! module of that name, which keeps deadlines and devices in a process for one that writes only
//! transitions to its store, and the module `feed`, which makes streams of what any store tells.
//! The module [`throttled`] is for one whose heartbeats cost a round trip each: the program
//! `examples/batches.rs` shows it.
//!
//! # Features
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `contract` | the test suite for backends, with `proptest` | no |
//! | `serde` | `Serialize` and `Deserialize` of names, statuses, events, positions, pages and what rooms give | no |
//! | `tracker` | the modules `tracker` and `feed`, for backends; semantic versioning does not cover them, so they may change with any version | no |
//!
//! Third-party types in this interface: [`futures_core::Stream`], and the expansion of
//! `async_trait` in [`Backend`]; with the feature `serde` its two traits.
#![doc = include_str!("../docs/coming-from.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs, clippy::must_use_candidate)]

mod backend;
mod batch;
#[cfg(feature = "contract")]
#[cfg_attr(docsrs, doc(cfg(feature = "contract")))]
pub mod contract;
mod error;
mod event;
mod events;
#[cfg(feature = "tracker")]
#[cfg_attr(docsrs, doc(cfg(feature = "tracker")))]
pub mod feed;
#[cfg(not(feature = "tracker"))]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "what the backends here do not use is for others"
)]
mod feed;
mod into_name;
pub mod memory;
mod name;
mod page;
mod position;
mod presence;
pub mod rooms;
#[cfg(feature = "serde")]
mod serialized;
mod state;
mod text;
pub mod throttled;
#[cfg(feature = "tracker")]
#[cfg_attr(docsrs, doc(cfg(feature = "tracker")))]
pub mod tracker;
#[cfg(not(feature = "tracker"))]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "what the backends here do not use is for others"
)]
mod tracker;

pub use crate::backend::{Backend, LastSeen};
pub use crate::batch::{BatchError, Failure};
pub use crate::error::{Error, ErrorKind};
pub use crate::event::{Cause, Event, Since, Status, Update};
pub use crate::events::Events;
pub use crate::into_name::IntoName;
pub use crate::name::{Device, Id, InvalidName};
pub use crate::page::{Cursor, IdPage};
pub use crate::position::Position;
pub use crate::presence::Presence;
pub use crate::state::State;
