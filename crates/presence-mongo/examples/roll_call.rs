//! Pings for many keys, and prints every change of them.
//!
//! ```text
//! cargo run -p presence-mongo --example roll_call -- mongodb://127.0.0.1:27017/app 1000
//! ```
//!
//! Each key is watched before it pings, so all of them are dead at first, and the number of those
//! who are alive grows as they come. Interrupted, it kills the first key, stops the others, and
//! ends; another one that runs beside it with the same keys sees the first go at once and the
//! others by age.

use std::collections::HashSet;
use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use presence_mongo::{Base, Config, Pinger, WatchStream, Watcher};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let url = arguments.next().unwrap_or_else(|| "mongodb://127.0.0.1:27017/app".to_owned());
    let count: usize = arguments.next().map_or(Ok(10), |count| count.parse())?;

    // Before anybody sees what it does, and may interrupt it at once.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let base = Base::start(Config::new(url).base("roll").slot(Duration::from_secs(5))).await?;
    let keys: Vec<String> = (1..=count).map(|number| format!("key {number}")).collect();
    let changes = Watcher::new(&base)?.watch(keys.clone())?;
    let mut pingers = start(&base, keys).await?;
    let told = tokio::select! {
        told = tell(changes) => told,
        _ = interrupt.recv() => Ok(()),
    };
    if let Some(first) = pingers.first_mut() {
        first.kill().await?;
    }
    drop(pingers);
    if !base.shutdown(Duration::from_secs(5)).await {
        return Err("presence did not end in time".into());
    }
    told
}

/// Starts a pinger for each key, all at once: they share their writes.
async fn start(base: &Base, keys: Vec<String>) -> Result<Vec<Pinger>, presence_mongo::Error> {
    let mut pingers: Vec<Pinger> = Vec::new();
    for key in keys {
        pingers.push(Pinger::new(base, key)?);
    }
    let starts = pingers.iter_mut().map(Pinger::start);
    futures_util::future::try_join_all(starts).await?;
    Ok(pingers)
}

/// Prints each change, and how many are alive by then.
async fn tell(mut changes: WatchStream) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout();
    let mut alive = HashSet::new();
    while let Some(change) = changes.next().await {
        match change {
            Ok(change) => {
                let state = if change.alive { "alive" } else { "dead" };
                if change.alive {
                    alive.insert(change.key.clone());
                } else {
                    // The first thing that is told of a key may be that it is dead.
                    alive.remove(&change.key);
                }
                writeln!(out, "{} is {state}, {} are alive", change.key, alive.len())?;
            }
            // The stream goes on by itself when the database is back.
            Err(error) => writeln!(io::stderr(), "{error}")?,
        }
    }
    Ok(())
}
