//! Random histories against memory: with paused time, where deadlines are exact, and with threads.

use std::sync::Arc;
use std::time::Duration;

use presence_core::contract::{RoomWorld, Terms, World};
use presence_core::memory::{Config, Memory};
use presence_core::rooms::{RoomBackend, Rooms};
use presence_core::{Backend, Error, Presence};
use tokio::runtime::{Builder, Runtime};

/// A TTL and how long an event takes to a stream, both in milliseconds.
struct InMemory<const TTL: u64, const DELIVERY: u64>(Arc<Memory>);

type Paused<const TTL: u64> = InMemory<TTL, 0>;
type Busy = InMemory<150, 500>;

impl<const TTL: u64, const DELIVERY: u64> World for InMemory<TTL, DELIVERY> {
    const TTL: Duration = Duration::from_millis(TTL);
    const TTL_MIN: Duration = *Config::TTL_BOUNDS.start();
    const LATENESS: Duration = Config::LATENESS;
    const DELIVERY: Duration = Duration::from_millis(DELIVERY);

    async fn start(terms: Terms) -> Result<Self, Error> {
        let config = Config::default().ttl(terms.ttl).grace(terms.grace);
        Ok(Self(Arc::new(Memory::start(config)?)))
    }

    async fn node(&self) -> Result<Presence, Error> {
        Ok(Presence::from(Arc::clone(&self.0) as Arc<dyn Backend>))
    }
}

impl<const TTL: u64, const DELIVERY: u64> RoomWorld for InMemory<TTL, DELIVERY> {
    async fn rooms(&self) -> Result<Rooms, Error> {
        Ok(Rooms::from(Arc::clone(&self.0) as Arc<dyn RoomBackend>))
    }
}

fn paused() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().expect("the system gives a runtime")
}

fn threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("the system gives a runtime")
}

presence_core::history!(histories_of_ids_can_be_explained, Paused<1_000>, paused(), 400);
// Not much longer than the interval at which deadlines are looked at.
presence_core::history!(short_histories_of_ids_can_be_explained, Paused<20>, paused(), 400);
presence_core::rooms_history!(histories_of_rooms_can_be_explained, Paused<1_000>, paused(), 400);
presence_core::rooms_history!(short_histories_of_rooms_can_be_explained, Paused<20>, paused(), 400);
presence_core::history!(histories_of_ids_in_real_time_can_be_explained, Busy, threads(), 6);
presence_core::rooms_history!(histories_of_rooms_in_real_time_can_be_explained, Busy, threads(), 6);
