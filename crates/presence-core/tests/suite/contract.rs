//! The laws of every backend, against memory and a throttle in front of it: with paused time, and
//! with threads.

use std::sync::Arc;
use std::time::Duration;

use presence_core::contract::{RoomWorld, Terms, World};
use presence_core::memory::{Config, Memory};
use presence_core::rooms::{RoomBackend, Rooms};
use presence_core::throttled::{self, Throttled};
use presence_core::{Backend, Error, Presence};
use tokio::runtime::{Builder, Runtime};

/// Time stands still unless everybody waits: bounds are exact.
struct Paused(Arc<Memory>);

impl World for Paused {
    const TTL: Duration = Duration::from_secs(1);
    const TTL_MIN: Duration = *Config::TTL_BOUNDS.start();
    const LATENESS: Duration = Config::LATENESS;
    const DELIVERY: Duration = Duration::from_millis(1);

    async fn start(terms: Terms) -> Result<Self, Error> {
        Ok(Self(Arc::new(memory(terms)?)))
    }

    async fn node(&self) -> Result<Presence, Error> {
        Ok(Presence::new(Arc::clone(&self.0)))
    }
}

impl RoomWorld for Paused {
    async fn rooms(&self) -> Result<Rooms, Error> {
        Ok(Rooms::new(Arc::clone(&self.0)))
    }
}

/// Everything at once, on a machine that may be busy with something else.
struct Threads(Arc<Memory>);

impl World for Threads {
    const TTL: Duration = Duration::from_millis(500);
    const TTL_MIN: Duration = *Config::TTL_BOUNDS.start();
    const LATENESS: Duration = Config::LATENESS;
    const DELIVERY: Duration = Duration::from_millis(800);

    async fn start(terms: Terms) -> Result<Self, Error> {
        Ok(Self(Arc::new(memory(terms)?)))
    }

    async fn node(&self) -> Result<Presence, Error> {
        Ok(Presence::from(Arc::clone(&self.0) as Arc<dyn Backend>))
    }
}

impl RoomWorld for Threads {
    async fn rooms(&self) -> Result<Rooms, Error> {
        Ok(Rooms::from(Arc::clone(&self.0) as Arc<dyn RoomBackend>))
    }
}

/// Each node has a throttle of its own in front of the one memory, so that they must hear of each
/// other.
struct ThrottledNodes {
    inner: Arc<dyn Backend>,
    config: throttled::Config,
}

impl World for ThrottledNodes {
    const TTL: Duration = Duration::from_secs(1);
    const TTL_MIN: Duration = Duration::from_millis(10);
    /// What `lateness` says of a TTL of 1 s, and the 0.1 s.
    const LATENESS: Duration = Duration::from_millis(700).saturating_add(Config::LATENESS);
    const DELIVERY: Duration = Duration::from_millis(1);

    async fn start(terms: Terms) -> Result<Self, Error> {
        let config = throttled::Config::default().ttl(terms.ttl);
        Ok(Self { inner: Arc::new(memory(terms)?), config })
    }

    async fn node(&self) -> Result<Presence, Error> {
        Ok(Presence::new(Throttled::start(self.config.clone(), Arc::clone(&self.inner)).await?))
    }
}

fn memory(terms: Terms) -> Result<Memory, Error> {
    let config = Config::default().ttl(terms.ttl).grace(terms.grace);
    // Of all the rooms as many as of the ids, over 32 parts, of which a law may use but one.
    Memory::start(config.events_max(terms.events_max).room_events_max(terms.events_max))
}

fn paused() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().expect("the system gives a runtime")
}

fn threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("the system gives a runtime")
}

presence_core::contract!(with_paused_time, Paused, paused());
presence_core::contract!(with_threads, Threads, threads());
presence_core::contract!(throttled_with_paused_time, ThrottledNodes, paused());
presence_core::rooms_contract!(rooms_with_paused_time, Paused, paused());
presence_core::rooms_contract!(rooms_with_threads, Threads, threads());
