//! The laws of every backend, against memory: with paused time, and with threads.

use std::time::Duration;

use presence_core::contract::{Terms, World};
use presence_core::memory::{Config, Memory};
use presence_core::{Error, Presence};
use tokio::runtime::{Builder, Runtime};

/// Time stands still unless everybody waits: bounds are exact.
struct Paused(Presence);

impl World for Paused {
    const TTL: Duration = Duration::from_secs(1);
    const TTL_MIN: Duration = Config::TTL_MIN;
    const LATENESS: Duration = Config::LATENESS;
    const DELIVERY: Duration = Duration::from_millis(1);

    async fn start(terms: Terms) -> Result<Self, Error> {
        start(terms).map(Self)
    }

    async fn node(&self) -> Result<Presence, Error> {
        Ok(self.0.clone())
    }
}

/// Everything at once, on a machine that may be busy with something else.
struct Threads(Presence);

impl World for Threads {
    const TTL: Duration = Duration::from_millis(500);
    const TTL_MIN: Duration = Config::TTL_MIN;
    const LATENESS: Duration = Config::LATENESS;
    const DELIVERY: Duration = Duration::from_millis(800);

    async fn start(terms: Terms) -> Result<Self, Error> {
        start(terms).map(Self)
    }

    async fn node(&self) -> Result<Presence, Error> {
        Ok(self.0.clone())
    }
}

fn start(terms: Terms) -> Result<Presence, Error> {
    let mut config = Config::default();
    (config.ttl, config.grace, config.events_max) = (terms.ttl, terms.grace, terms.events_max);
    Ok(Presence::new(Memory::start(&config)?))
}

fn paused() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().expect("the system gives a runtime")
}

fn threads() -> Runtime {
    Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("the system gives a runtime")
}

presence_core::contract!(with_paused_time, Paused, paused());
presence_core::contract!(with_threads, Threads, threads());
