//! Counts in Redis, whatever becomes of Redis meanwhile.
//!
//! ```text
//! cargo run -p redis-link --example counter -- redis://127.0.0.1
//! cargo run -p redis-link --example counter -- redis-sentinel://10.0.0.1:26379,10.0.0.2:26379/mymaster
//! cargo run -p redis-link --example counter -- redis-cluster://10.0.0.1:6379,10.0.0.2:6379
//! ```
//!
//! The address alone says how Redis is reached. While it is away, or another master takes over,
//! the program says once why it does not count, and it goes on by itself when Redis is back.

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use redis_link::{ErrorKind, Link, LinkConfig};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

/// What is counted; in a cluster it lies on the master that has the slot of this name.
const KEY: &str = "counter";
/// How often.
const PERIOD: Duration = Duration::from_millis(200);
/// How long Redis may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).unwrap_or_else(|| "redis://127.0.0.1".to_owned());
    // Nobody waits for a count, so a slow Redis has time.
    let patient = LinkConfig::new(url).timeout(PATIENCE).connect_timeout(PATIENCE);
    let link = Link::start(patient).await?;
    // Before the line below is printed: whoever reads it may interrupt the program at once.
    let mut interrupt = signal(SignalKind::interrupt())?;
    // The address is displayed without user and password.
    writeln!(io::stdout(), "connected to {}", link.address())?;
    let counted = tokio::select! {
        counted = count(&link) => counted,
        _ = interrupt.recv() => Ok(()),
    };
    if !link.shutdown(Duration::from_secs(5)).await {
        return Err("a call did not end in time".into());
    }
    counted
}

/// Counts until something fails that does not mend itself.
async fn count(link: &Link) -> Result<(), Box<dyn Error>> {
    let mut command = redis::cmd("INCR");
    command.arg(KEY);
    let (mut out, mut is_away) = (io::stdout(), false);
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match link.query(KEY, &command).await {
            Ok(answer) => {
                is_away = false;
                let count: u64 = redis::from_redis_value(answer)?;
                writeln!(out, "{count}")?;
            }
            // It was counted or it was not, and the link connects again by itself.
            Err(error) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Refused) => {
                if !is_away {
                    writeln!(out, "{error}")?;
                }
                is_away = true;
            }
            // The next call would fail in the same way.
            Err(error) => return Err(error.into()),
        }
    }
}
