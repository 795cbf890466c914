//! A worker that hears who comes and goes, and goes on after a restart where it was.
//!
//! ```text
//! cargo run -p presence-redis --example worker -- redis://127.0.0.1 position
//! ```
//!
//! It keeps its position in a file, which it writes after each event that it has dealt with. So
//! what happens while it is away is told when it is back, and an event that it was dealing with
//! when it crashed is told again. The first time, and where the events since its position are no
//! longer kept, it begins with everybody who is online.

use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use presence_core::{ErrorKind, Events, Position, Presence, Since, Update};
use presence_redis::leases::{Config, Leases};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let url = arguments.next().unwrap_or_else(|| "redis://127.0.0.1".to_owned());
    let file = PathBuf::from(arguments.next().unwrap_or_else(|| "position".to_owned()));

    // Before anybody sees what it does, and may interrupt it at once.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let presence = Presence::new(Leases::start(Config::new(url)).await?);
    let worked = tokio::select! {
        worked = work(&presence, &file) => worked,
        _ = interrupt.recv() => Ok(()),
    };
    if !presence.shutdown(Duration::from_secs(5)).await {
        return Err("presence did not end in time".into());
    }
    worked
}

/// Deals with every event, for ever.
async fn work(presence: &Presence, file: &Path) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout();
    let mut events = follow(presence, read(file)?).await?;
    loop {
        match events.next().await.ok_or("presence has ended")? {
            Ok(Update::Present { id, .. }) => writeln!(out, "{id} is online")?,
            Ok(Update::Synced(position)) => {
                write(file, &position)?;
                writeln!(out, "up to date")?;
            }
            Ok(Update::Change(event)) => {
                // Here the work is done; only then it counts as done.
                writeln!(out, "{} {} {:?}", event.id, event.status, event.cause)?;
                write(file, &event.position)?;
            }
            Ok(_) => {}
            // What it knew is not true any more: it begins anew.
            Err(error) if error.kind() == ErrorKind::Lagged => {
                writeln!(out, "{error}")?;
                events = follow(presence, None).await?;
            }
            // The stream goes on by itself when Redis is back.
            Err(error) => writeln!(io::stderr(), "{error}")?,
        }
    }
}

/// Follows the events after a position, or everybody who is online and what happens from then on.
async fn follow(presence: &Presence, position: Option<Position>) -> Result<Events, Box<dyn Error>> {
    let since = position.map_or(Since::Snapshot, Since::Position);
    Ok(presence.events(since).await?)
}

fn read(file: &Path) -> Result<Option<Position>, Box<dyn Error>> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text.trim().parse()?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Replaces the file, so that a crash leaves the old position or the new one.
fn write(file: &Path, position: &Position) -> io::Result<()> {
    let next = file.with_extension("next");
    fs::write(&next, position.to_string())?;
    fs::rename(next, file)
}
