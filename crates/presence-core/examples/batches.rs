//! Many ids that beat in batches through a throttle, and their changes printed.
//!
//! ```text
//! cargo run -p presence-core --example batches -- 1000
//! ```
//!
//! All of them beat every third of the TTL. After a few rounds every second one falls silent; the
//! program ends when the last of these is offline. Of the heartbeats that are given, few reach the
//! store: the last line says how many were given.

use std::collections::HashSet;
use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use presence_core::memory::{self, Memory};
use presence_core::throttled::{self, Throttled};
use presence_core::{Events, Id, Presence, Since, Status, Update};
use tokio::time::{MissedTickBehavior, interval};

const TTL: Duration = Duration::from_secs(1);
/// How many ids one call names.
const BATCH: usize = 100;
/// How many times all of them beat.
const ROUNDS: usize = 5;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let count: usize = env::args().nth(1).map_or(Ok(1_000), |count| count.parse())?;
    let ids = (0..count).map(|number| Id::new(&format!("user {number}"))).collect::<Result<Vec<_>, _>>()?;

    // In its place stands a store whose heartbeats cost a round trip each.
    let store = Memory::start(memory::Config::default().ttl(TTL).grace(Duration::ZERO))?;
    let config = throttled::Config::default().ttl(TTL).batch_max(BATCH);
    let presence = Presence::new(Throttled::start(config, store).await?);

    let events = presence.events(Since::Now).await?;
    let silent = ids.iter().skip(1).step_by(2).cloned().collect();
    let mut given = 0;
    tokio::select! {
        printed = print_until_offline(events, silent) => printed?,
        beaten = beat(&presence, &ids, &mut given) => beaten?,
    }
    if !presence.shutdown(Duration::from_secs(5)).await {
        return Err("presence did not end in time".into());
    }
    writeln!(io::stdout(), "{given} heartbeats were given")?;
    Ok(())
}

/// Gives all ids a heartbeat for some rounds, and then every second one.
async fn beat(presence: &Presence, ids: &[Id], given: &mut usize) -> Result<(), Box<dyn Error>> {
    let lasting: Vec<Id> = ids.iter().step_by(2).cloned().collect();
    let mut ticks = interval(TTL / 3);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for round in 0.. {
        ticks.tick().await;
        let beating = if round < ROUNDS { ids } else { &lasting };
        for batch in beating.chunks(BATCH) {
            presence.online(batch).await?;
            *given += batch.len();
        }
    }
    Ok(())
}

/// Prints each change, until all of `silent` are offline.
async fn print_until_offline(mut events: Events, mut silent: HashSet<Id>) -> Result<(), Box<dyn Error>> {
    while !silent.is_empty() {
        let update = events.next().await.ok_or("presence has ended")?;
        if let Update::Change(event) = update? {
            writeln!(io::stdout(), "{} {} {:?}", event.id, event.status, event.cause)?;
            if event.status == Status::Offline {
                silent.remove(&event.id);
            }
        }
    }
    Ok(())
}
