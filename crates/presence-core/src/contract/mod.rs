//! The laws of every backend, as tests.
//!
//! A backend's crate implements [`World`] and calls [`contract!`](crate::contract!), which makes
//! one `#[test]` of each law. Laws panic where a promise of [`Backend`](crate::Backend) is broken.
//! They run against paused time, against real time and against several nodes on one store alike:
//! what they wait for is an event, or its absence for a time that the world states.
//!
//! ```
//! use std::time::Duration;
//!
//! use presence_core::contract::{Terms, World};
//! use presence_core::memory::{Config, Memory};
//! use presence_core::{Error, Presence};
//!
//! struct InMemory(Presence);
//!
//! impl World for InMemory {
//!     const TTL: Duration = Duration::from_secs(1);
//!     const TTL_MIN: Duration = *Config::TTL_BOUNDS.start();
//!     const LATENESS: Duration = Config::LATENESS;
//!     const DELIVERY: Duration = Duration::from_millis(50);
//!
//!     async fn start(terms: Terms) -> Result<Self, Error> {
//!         let config = Config::default().ttl(terms.ttl).grace(terms.grace);
//!         Ok(Self(Presence::new(Memory::start(config.events_max(terms.events_max))?)))
//!     }
//!
//!     async fn node(&self) -> Result<Presence, Error> {
//!         Ok(self.0.clone())
//!     }
//! }
//!
//! fn runtime() -> tokio::runtime::Runtime {
//!     tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
//! }
//!
//! presence_core::contract!(in_memory, InMemory, runtime());
//! ```
//!
//! A backend that keeps rooms implements [`RoomWorld`] too, and calls
//! [`rooms_contract!`](crate::rooms_contract!).
//!
//! A law can also be called by itself, with the worlds that it is checked against:
//! `state_is_well_until_the_end(Worlds::of::<InMemory>()).await`.

#![allow(clippy::missing_panics_doc, clippy::unwrap_used, reason = "a law panics where it is broken")]

mod attempts;
mod closing;
mod devices;
mod failures;
pub mod history;
mod laws;
mod listed;
mod reading;
mod rooms;
mod state;
mod streams;
mod time;
mod transitions;
mod watch;
mod world;
mod worlds;

pub use self::closing::*;
pub use self::devices::*;
pub use self::failures::*;
#[doc(hidden)]
pub use self::laws::{check_list, is_excused, law};
pub use self::reading::*;
pub use self::rooms::*;
pub use self::state::*;
pub use self::streams::*;
pub use self::time::*;
pub use self::transitions::*;
pub use self::world::{Terms, World};
pub use self::worlds::{AnyWorld, Erase, Worlds};
